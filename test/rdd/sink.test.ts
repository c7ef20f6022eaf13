import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { silentLogger } from '../../src/base/logger.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import { localOutputFiles, type OutputFiles } from '../../src/rdd/sink/output-files.ts'
import type {
  BatchToken,
  ExactlyOnceSink,
  RepeatingSink,
  Sink,
  SinkWriter,
  WriteToken,
} from '../../src/rdd/sink/sink.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import { INLINE } from '../support/backends.ts'
import { FunctionWorker } from '../support/function-worker.ts'
import { rejected } from '../support/rejected.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-sink-'))
after(() => rmSync(folder, { recursive: true }))
let made = 0
const fresh = (): string => join(folder, String(made++))
const sc = new SparkContext({ master: 'local[2,2]', conf: INLINE })
after(() => sc.stop())

/** A sink in memory that tells all that happens to it. */
function recording(fail: (step: string, token: BatchToken) => void = () => {}) {
  const log: string[] = []
  const held = new Map<number, unknown[]>()
  const prepared = new Map<string, unknown[]>()
  const nameOf = ({ partition, attempt }: WriteToken): string => `${partition}.${attempt}`
  const sink: ExactlyOnceSink<unknown, string> = {
    name: 'memory',
    guarantee: 'exactly-once',
    by: 'transaction',
    writer(token) {
      const rows: unknown[] = []
      const at = nameOf(token)
      return {
        write(records) {
          fail('write', token)
          rows.push(...records)
        },
        prepare() {
          fail('prepare', token)
          prepared.set(at, rows)
          return at
        },
        abort: () => void log.push(`abandon ${at}`),
        close: () => void log.push(`close ${at}`),
      }
    },
    open: ({ operatorId }) => void log.push(`open ${operatorId}`),
    committed: tokens => tokens.filter(({ batchTime }) => held.has(batchTime)),
    begin(batch) {
      log.push('begin')
      fail('begin', batch)
    },
    commit(batch, messages) {
      log.push(`commit ${messages.join()}`)
      fail('commit before', batch)
      if (!held.has(batch.batchTime))
        held.set(
          batch.batchTime,
          messages.flatMap(at => prepared.get(at)!),
        )
      fail('commit after', batch)
    },
    abort: () => void log.push('abort'),
    close: () => void log.push('end'),
  }
  return { sink, log, held }
}

function failing(step: string, at: Partial<WriteToken>) {
  return (now: string, token: Partial<WriteToken>): void => {
    const isMeant = Object.entries(at).every(([key, value]) => token[key as keyof WriteToken] === value)
    if (now === step && isMeant) throw new Error(`no ${step}`)
  }
}

describe('rdd.writeTo', () => {
  it('commits once, with one message for each partition, in order', async () => {
    const { sink, log, held } = recording()
    await sc.parallelize([1, 2, 3, 4], 2).writeTo(sink, { id: 'numbers', time: 5 })
    // The tasks run side by side, so either may be the first to end.
    const closed = log.splice(2, 2).sort()
    assert.deepEqual(closed, ['close 0.0', 'close 1.0'])
    assert.deepEqual(log, ['open numbers', 'begin', 'commit 0.0,1.0', 'end'])
    assert.deepEqual([...held], [[5, [1, 2, 3, 4]]])
  })

  it('of attempts that fail nothing is committed, and each is closed', async () => {
    for (const step of ['write', 'prepare']) {
      const { sink, log, held } = recording(failing(step, { partition: 1, attempt: 0 }))
      await sc.parallelize([1, 2, 3, 4], 2).writeTo(sink, { time: 5 })
      assert.deepEqual(
        log.filter(line => line.includes('1.')),
        ['abandon 1.0', 'close 1.0', 'close 1.1', 'commit 0.0,1.1'],
        step,
      )
      assert.deepEqual(held.get(5), [1, 2, 3, 4])
    }
  })

  it('a batch that fails for good is aborted, with the sink and the step in the error', async () => {
    for (const step of ['begin', 'write', 'prepare', 'commit before']) {
      const { sink, log, held } = recording(failing(step, {}))
      const error = await rejected('SINK_FAILED', () => sc.parallelize([1, 2], 2).writeTo(sink))
      assert.match(error.message, /Sink memory failed in its \w+ step: no /)
      assert.ok(log.includes('abort'), step)
      assert.equal(log.at(-1), 'end')
      assert.equal(held.size, 0)
    }
  })

  it('a user error before the sink stays what it is', async () => {
    const { sink, log } = recording()
    const bad = sc.parallelize([1, 2], 2).map((n): number => {
      throw new RangeError(`bad ${n}`)
    })
    await rejected('USER_CODE_FAILED', () => bad.writeTo(sink))
    assert.ok(log.includes('abandon 0.0') && log.includes('abandon 0.1') && log.includes('abort'))
  })

  it('a commit whose answer is lost is no failure, and the same batch is not written again', async () => {
    const { sink, log, held } = recording(failing('commit after', {}))
    await sc.parallelize([1], 1).writeTo(sink, { id: 'x', time: 1 })
    assert.equal(log.includes('abort'), false)
    await sc.parallelize([2], 1).writeTo(sink, { id: 'x', time: 1 })
    assert.deepEqual([...held], [[1, [1]]])
    assert.equal(log.filter(line => line === 'begin').length, 1)
  })

  it('a sink that repeats needs no commit', async () => {
    const rows: number[] = []
    const sink: RepeatingSink<number, void> = {
      name: 'rows',
      guarantee: 'at-least-once',
      writer: () => ({ write: more => void rows.push(...more), prepare() {}, abort() {} }),
    }
    await sc.parallelize([1, 2, 3], 1).writeTo(sink)
    assert.deepEqual(rows, [1, 2, 3])
  })

  it('a task that is cancelled abandons what it wrote', async () => {
    const ends: string[] = []
    const began = Promise.withResolvers<void>()
    const abort = new AbortController()
    const sink: RepeatingSink<number, void> = {
      name: 'slow',
      guarantee: 'at-least-once',
      writer: () => ({
        write: async () => {
          began.resolve()
          await new Promise(resolve => abort.signal.addEventListener('abort', resolve))
        },
        prepare: () => void ends.push('prepared'),
        abort: () => void ends.push('abandoned'),
      }),
    }
    const writing = sc.withSignal(abort.signal, () => sc.parallelize([1], 1).writeTo(sink))
    await began.promise
    abort.abort()
    await rejected('JOB_CANCELLED', () => writing)
    await new Promise(setImmediate)
    assert.deepEqual(ends, ['abandoned'])
  })
})

describe('fileSink', () => {
  const token = (epoch: number, batchTime = 1000): BatchToken => ({
    program: 'p',
    operatorId: 'out',
    epoch,
    batchTime,
  })
  const places: Readonly<Record<string, (dir: string) => Sink<unknown>>> = {
    'local files': dir => fileSink(join(dir, 'out')),
    'a storage': dir => fileSink('out', { storage: new LocalStorage(dir, { durable: false }) }),
  }

  async function write(sink: Sink<unknown>, batch: BatchToken, records: readonly unknown[]) {
    const writer = await sink.writer({ ...batch, partition: 0, attempt: 0 })
    await writer.write(records)
    const message = await writer.prepare()
    await writer.close?.()
    return message
  }

  for (const [place, make] of Object.entries(places)) {
    it(`${place}: two epochs at one batch: one of them has it, whole`, async () => {
      for (const first of ['older', 'newer'] as const) {
        const dir = fresh()
        mkdirSync(dir)
        const older = make(dir)
        const newer = make(dir)
        await older.begin?.(token(1))
        const old = await write(older, token(1), ['a', 'b'])
        await newer.begin?.(token(2))
        const later = await write(newer, token(2), ['a', 'b'])
        if (first === 'older') await older.commit!(token(1), [old])
        await newer.commit!(token(2), [later])
        if (first === 'newer') await rejected('SINK_FENCED', async () => older.commit!(token(1), [old]))
        const { files, epoch } = JSON.parse(readFileSync(join(dir, 'out-1000/_SUCCESS'), 'utf8'))
        assert.equal(epoch, first === 'older' ? 1 : 2)
        assert.deepEqual(readdirSync(join(dir, 'out-1000')).sort(), ['_SUCCESS', ...files])
        assert.equal(readFileSync(join(dir, 'out-1000', files[0]), 'utf8'), 'a\nb\n')
      }
    })

    it(`${place}: a factory of writers travels to another thread`, async () => {
      const dir = fresh()
      mkdirSync(dir)
      const sink = make(dir)
      await sink.begin?.(token(1))
      const worker = new FunctionWorker()
      const { writer } = sink
      const over = async (at: WriteToken): Promise<unknown> => {
        const there: SinkWriter<unknown, unknown> = await writer(at)
        await there.write(['there'])
        const message = await there.prepare()
        await there.close?.()
        return message
      }
      const message = await worker.call(over, { ...token(1), partition: 0, attempt: 3 })
      await sink.commit!(token(1), [message])
      assert.deepEqual(await sc.textFile(join(dir, 'out-1000')).collect(), ['there'])
    })
  }

  it('local files: what an earlier epoch left is cleared away, and what it put aside is put back', async () => {
    const dir = fresh()
    mkdirSync(join(dir, 'out-1000'), { recursive: true })
    writeFileSync(join(dir, 'out-1000/theirs'), '')
    const older = fileSink(join(dir, 'out'))
    await older.begin!(token(1))
    await write(older, token(1), ['a'])
    const [staging] = readdirSync(dir).filter(name => name.startsWith('.'))
    // The crash came after what was there had stepped aside.
    const aside = join(dir, staging!.replace('_temporary', '_replaced'))
    mkdirSync(aside)
    writeFileSync(join(aside, 'theirs'), '')
    rmSync(join(dir, 'out-1000'), { recursive: true })
    const newer = fileSink(join(dir, 'out'))
    await newer.open!({ ...token(2), logger: silentLogger })
    await rejected('SINK_FENCED', async () =>
      older.commit(token(1), [{ written: '.part-00000.0', name: 'part-00000' }]),
    )
    await newer.close!(token(2))
    assert.deepEqual(readdirSync(dir), ['out-1000'])
    assert.equal(existsSync(join(dir, 'out-1000/theirs')), true)
  })

  it('local files: an attempt that lost and still writes when the batch is published leaves nothing in it', async () => {
    const dir = fresh()
    let late = 0
    const files: OutputFiles = {
      ...localOutputFiles,
      async rename(from, to) {
        await localOutputFiles.rename(from, to)
        if (basename(to) !== '_SUCCESS') return
        late++
        await (await localOutputFiles.create(join(dirname(from), '.part-00000.7'))).close()
      },
    }
    const sink = fileSink<string>(join(dir, 'out'), { files })
    await sink.begin!(token(1))
    await sink.commit!(token(1), [await write(sink, token(1), ['a'])])
    assert.equal(late, 1)
    assert.deepEqual(readdirSync(dir), ['out-1000'])
    assert.deepEqual(readdirSync(join(dir, 'out-1000')).sort(), ['_SUCCESS', 'part-00000'])
  })

  for (const parts of [1, 0])
    it(`local files: a driver that is overtaken in its commit publishes nothing, with ${parts} parts`, async () => {
      const dir = fresh()
      const newer = fileSink<string>(join(dir, 'out'))
      let overtaken = 0
      const files: OutputFiles = {
        ...localOutputFiles,
        async makeDirectory(path) {
          if (path.includes('._whole')) {
            overtaken++
            await newer.open!({ ...token(2), logger: silentLogger })
          }
          await localOutputFiles.makeDirectory(path)
        },
      }
      const older = fileSink<string>(join(dir, 'out'), { files })
      await older.begin!(token(1))
      const messages = parts === 0 ? [] : [await write(older, token(1), ['a'])]
      await rejected('SINK_FENCED', async () => older.commit!(token(1), messages))
      assert.equal(overtaken, 1)
      assert.equal(existsSync(join(dir, 'out-1000')), false)
      await newer.open!({ ...token(3), logger: silentLogger })
      await newer.close!(token(3))
      assert.deepEqual(readdirSync(dir), [])
    })

  it('a storage: parts roll, and another program’s directory is refused', async () => {
    const dir = fresh()
    const storage = new LocalStorage(dir, { durable: false })
    const sink = fileSink<string>('out', { storage, maxFileBytes: 1, format: 'object' })
    const rdd = sc.parallelize(['a', 'b', 'c'], 1).mapPartitions(function* (all) {
      yield* all
    })
    await rdd.writeTo(sink, { id: 'x' })
    assert.deepEqual(await sc.objectFile(join(dir, 'out-0')).collect(), ['a', 'b', 'c'])
    await rejected('OUTPUT_PATH_EXISTS', () => rdd.writeTo(sink, { id: 'y' }))
    assert.equal(readdirSync(join(dir, 'out-0')).length, 2)
  })
})
