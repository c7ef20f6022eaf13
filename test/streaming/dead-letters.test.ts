import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { seconds } from '../../src/base/time.ts'
import type { DeadLetter } from '../../src/rdd/dead-letters/dead-letter.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { ExactlyOnceSink } from '../../src/rdd/sink/sink.ts'
import { StreamingProgress } from '../../src/status/streaming-progress.ts'
import type { DStream } from '../../src/streaming/dstream/dstream.ts'
import { StreamTest, type StreamTestOptions } from '../../src/testing/stream-test.ts'
import { INLINE } from '../support/backends.ts'
import { faultyFiles } from '../support/faulty-files.ts'
import { FunctionWorker } from '../support/function-worker.ts'

/** A sink that keeps letters by batch, and refuses a batch twice. */
function letterBox() {
  const batches = new Map<number, DeadLetter[]>()
  const sink: ExactlyOnceSink<DeadLetter, DeadLetter[]> = {
    name: 'letters',
    guarantee: 'exactly-once',
    by: 'transaction',
    writer: () => {
      const own: DeadLetter[] = []
      return { write: more => void own.push(...more), prepare: () => own, abort() {} }
    },
    committed: tokens => tokens.filter(({ batchTime }) => batches.has(batchTime)),
    commit({ batchTime }, messages) {
      assert.equal(batches.has(batchTime), false)
      batches.set(batchTime, messages.flat())
    },
    abort() {},
  }
  const brief = (): unknown[] =>
    [...batches].flatMap(([time, letters]) =>
      letters.map(({ value, partition, index, error }) => [time, value, partition, index, error.message]),
    )
  return { batches, sink, brief }
}

function parse(text: string): number {
  const n = Number(text)
  if (Number.isNaN(n)) throw new TypeError(`no number: ${text}`)
  return n
}

const input = [['1', 'x', '2', 'y'], [], ['z']]

function program(
  build: (numbers: DStream<number>, t: StreamTest) => void,
  options: Partial<StreamTestOptions> = {},
) {
  const box = letterBox()
  const t = new StreamTest({
    build: t => {
      const bad = t.ssc.deadLetters(box.sink, { id: 'bad' })
      build(t.input('in', input, { partitions: 2 }).map(parse, { onError: bad }), t)
    },
    ...options,
  })
  return { t, ...box }
}

const expected = [
  [1000, 'x', 0, 1, 'no number: x'],
  [1000, 'y', 1, 1, 'no number: y'],
  [3000, 'z', 1, 0, 'no number: z'],
]

describe('dead letters', () => {
  it('go to their sink with value, place and error; the others go on; they are counted and told', async () => {
    const progress = new StreamingProgress()
    const { t, brief, batches } = program((numbers, t) => {
      t.collect('out', numbers)
      t.ssc.addStreamingListener(progress)
    })
    await using _ = t
    await t.run(3)
    assert.deepEqual(t.out('out').batches, [[1, 2], [], []])
    assert.deepEqual(brief(), expected)
    const [letter] = batches.get(1000)!
    assert.match(letter!.operator, /^map at .*dead-letters\.test\.ts:\d+:\d+$/)
    assert.equal(letter!.error.name, 'TypeError')
    assert.match(letter!.error.stack!, /parse/)
    assert.equal(progress.snapshot().deadLetters, 3)
    assert.deepEqual(
      t.warnings.filter(w => w.includes('letters')),
      [
        'dead letters: 2 records of the batch at 1000 ms went to letters',
        'dead letters: 1 record of the batch at 3000 ms went to letters',
      ],
    )
  })

  it('of map, flatMap and filter; a record of a flatMap is taken whole or not at all', async () => {
    const box = letterBox()
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        const lines = t.input('in', [['1 2', '3 x 4', '5']], { partitions: 1 })
        const words = lines.flatMap(
          function* (line) {
            for (const word of line.split(' ')) yield parse(word)
          },
          { onError: bad },
        )
        const small = words.filter(
          n => {
            if (n === 2) throw new Error('two')
            return n < 5
          },
          { onError: bad },
        )
        t.collect('out', small)
        t.collect(
          'letters',
          bad.stream.map(({ value }) => value as string | number),
        )
      },
    })
    await t.run(1)
    assert.deepEqual(t.out('out').batches, [[1]])
    assert.deepEqual(t.out('letters').batches, [['3 x 4', 2]])
    assert.deepEqual(
      box.batches.get(1000)!.map(({ operator, value }) => [operator.split(' ')[0], value]),
      [
        ['flatMap', '3 x 4'],
        ['filter', 2],
      ],
    )
  })

  it('cost no second call of the function where an output has read the batch, and are complete where none has', async () => {
    for (const kind of ['all', 'some', 'none'] as const) {
      const calls: string[] = []
      const box = letterBox()
      await using t = new StreamTest({
        build: t => {
          const bad = t.ssc.deadLetters(box.sink)
          const counting = (text: string): number => {
            calls.push(text)
            return parse(text)
          }
          const numbers = t.input('in', input, { partitions: 2 }).map(counting, { onError: bad })
          if (kind === 'all') t.collect('out', numbers)
          if (kind === 'some')
            numbers.foreachRDD(async rdd => {
              await rdd.take(1)
            })
        },
      })
      await t.run(3)
      assert.deepEqual(box.brief(), expected, kind)
      if (kind !== 'some') assert.equal(calls.length, 5, kind)
    }
  })

  it('of partitions with more than are held, all arrive', async () => {
    const box = letterBox()
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        const words = Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? `bad${i}` : String(i)))
        t.collect('out', t.input('in', [words], { partitions: 2 }).map(parse, { onError: bad }))
      },
    })
    await t.run(1)
    const letters = box.batches.get(1000)!
    assert.deepEqual(
      letters.map(({ value, partition, index }) => [value, partition * 2500 + index]),
      Array.from({ length: 2500 }, (_, i) => [`bad${2 * i}`, 2 * i]),
    )
    assert.equal(t.out('out').batches[0]!.length, 2500)
  })

  it('from files have file, offset and bytes', async () => {
    const box = letterBox()
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        const folder = t.file('in/.there', '').slice(0, -'/.there'.length)
        t.collect('out', t.ssc.textFileStream(folder).map(parse, { onError: bad }))
      },
    })
    const bytes = Buffer.concat([
      Buffer.from('\ufeff1\r\nä\r\n2\n'),
      Buffer.from([0xff, 0x41]),
      Buffer.from('\n3'),
    ])
    const plain = t.file('in/a.txt', bytes, { at: 500 })
    const packed = t.file('in/b.gz', gzipSync('7\nseven\n'), { at: 500 })
    const gone = t.file('in/c.txt', 'lost\n', { at: 500 })
    t.failAt('output-done', { nth: 1 })
    await t.run(1, { collectErrors: true })
    assert.deepEqual(
      box.batches.get(1000)!.map(({ source, raw }) => [source, Buffer.from(raw!)]),
      [
        [{ file: plain, offset: 6 }, Buffer.from('ä')],
        [{ file: plain, offset: 12 }, Buffer.from([0xff, 0x41])],
        [{ file: packed, offset: 2 }, Buffer.from('seven')],
        [{ file: gone, offset: 0 }, Buffer.from('lost')],
      ],
    )
  })

  it('whose file has gone arrive all the same', async () => {
    const box = letterBox()
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        const folder = t.file('in/.there', '').slice(0, -'/.there'.length)
        const numbers = t.ssc.textFileStream(folder).map(parse, { onError: bad })
        numbers.foreachRDD(async rdd => {
          await rdd.count()
          rmSync(folder, { recursive: true })
        })
      },
    })
    t.file('in/a.txt', 'lost\n', { at: 500 })
    await t.run(1)
    const [letter] = box.batches.get(1000)!
    assert.equal(letter!.value, 'lost')
    assert.equal(letter!.source, undefined)
  })

  it('from receivers and partitions of one’s own have what these know', async () => {
    const box = letterBox()
    let receiver!: ReturnType<StreamTest['receiver']>
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        receiver = t.receiver()
        const received = t.ssc.receiverStream(receiver) as DStream<string>
        const own = t.input('ticks', [['']]).transform(() =>
          t.sc.fromPartitions([40, 50], from => [String(from), `x${from}`], {
            locate: (from, index) => ({ topic: 'words', offset: from + index }),
          }),
        )
        for (const stream of [received, own]) t.collect('out', stream.map(parse, { onError: bad }))
      },
    })
    await t.ssc.start()
    await receiver.push('1', 'bad')
    await t.run(1)
    assert.deepEqual(
      box.batches.get(1000)!.map(({ value, source }) => [value, source]),
      [
        ['bad', { block: 'input-0-0' }],
        ['x40', { topic: 'words', offset: 41 }],
        ['x50', { topic: 'words', offset: 51 }],
      ],
    )
  })

  it('a function that sends records there travels to other threads', async () => {
    const worker = new FunctionWorker()
    const box = letterBox()
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        t.input('in', [['1', 'x']], { partitions: 1 })
          .map(parse, { onError: bad })
          .foreachRDD(rdd => {
            const { node } = rdd
            if (node.kind === 'narrow' && node.step.op === 'mapPartitions') step = node.step.f
          })
      },
    })
    let step: ((records: IterableIterator<never>, partition: number) => Iterable<unknown>) | undefined
    await t.run(1)
    const tried = step!
    const there = (records: readonly string[]): unknown[] => [...tried(records.values() as never, 0)]
    assert.deepEqual(await worker.call(there, ['1', 'x', '3']), [1, 3])
    assert.deepEqual(
      t.warnings.filter(w => /thread/.test(w)),
      [],
    )
  })

  it('are the same where tasks run on worker threads', async () => {
    await using t = new StreamTest({
      master: 'local[2]',
      conf: { 'kindling.executor': 'threads' },
      build: t => {
        const bad = t.ssc.deadLetters(fileSink<DeadLetter>(`${t.dir}/bad`, { format: 'ndjson' }))
        const folder = t.file('in/.there', '').slice(0, -'/.there'.length)
        t.ssc
          .textFileStream(folder)
          .map(
            text => {
              if (text === 'x') throw new TypeError('no number')
              return Number(text)
            },
            { onError: bad },
          )
          .saveAsNDJSONFiles(`${t.dir}/good`)
      },
    })
    const file = t.file('in/a.txt', '1\nx\n2\n', { at: 500 })
    await t.run(1)
    assert.deepEqual((await t.sc.ndjsonFile(`${t.dir}/good-1000`).collect()).sort(), [1, 2])
    const [letter] = await t.sc.ndjsonFile<DeadLetter>(`${t.dir}/bad-1000`).collect()
    assert.equal(letter!.value, 'x')
    assert.equal(letter!.error.message, 'no number')
    assert.deepEqual(letter!.source, { file, offset: 2 })
    assert.equal(letter!.raw, 'eA==')
  })

  it('hold a description of what is no data', async () => {
    class Order {
      readonly id = 7
    }
    const box = letterBox()
    await using t = new StreamTest({
      build: t => {
        const bad = t.ssc.deadLetters(box.sink)
        const orders = t.input('in', [['7']]).map(() => new Order())
        const check = (_: Order): number => {
          throw 'sold out'
        }
        t.collect('out', orders.map(check, { onError: bad }))
      },
    })
    await t.run(1)
    const [{ value, error }] = box.batches.get(1000)! as [DeadLetter]
    assert.match(String(value), /Order/)
    assert.deepEqual(error, { name: 'string', message: "'sold out'" })
  })

  it('are not made of mistakes in the program: a promise, no iterable, an error elsewhere', async () => {
    const mistakes: readonly ((
      s: DStream<string>,
      bad: ReturnType<StreamTest['ssc']['deadLetters']>,
    ) => void)[] = [
      (s, bad) =>
        s
          .map(async text => parse(text), { onError: bad } as never)
          .count()
          .print(),
      (s, bad) =>
        s
          .flatMap(text => parse(text) as never, { onError: bad })
          .count()
          .print(),
      (s, bad) =>
        s
          .map((text): string => {
            throw new Error(`above ${text}`)
          })
          .map(parse, { onError: bad })
          .count()
          .print(),
    ]
    const codes: (string | undefined)[] = []
    for (const mistake of mistakes) {
      const box = letterBox()
      await using t = new StreamTest({
        build: t => mistake(t.input('in', [['1']]), t.ssc.deadLetters(box.sink)),
      })
      await t.run(1, { collectErrors: true })
      codes.push((t.errors[0] as { code?: string } | undefined)?.code)
      assert.equal(box.batches.size, 0)
    }
    assert.deepEqual(codes, ['PROMISE_RETURNED', 'NOT_ITERABLE', 'USER_CODE_FAILED'])
  })

  it('come last, so that a batch that fails before can still be skipped, and has none then', async () => {
    const { t, batches } = program(
      numbers =>
        numbers.foreachRDD((_, time) => {
          if (time.milliseconds === 1000) throw new Error('no')
        }),
      { conf: { 'kindling.streaming.failurePolicy': 'skip' } },
    )
    await using _ = t
    await t.run(3, { collectErrors: true })
    assert.deepEqual([...batches.keys()], [3000])
  })

  it('and the other records are each there once, wherever the program dies', async () => {
    const places = [
      'sink-begin-before',
      'sink-prepare-after',
      'sink-commit-before',
      'sink-commit-after',
    ] as const
    for (const place of places)
      for (const nth of [1, 2, 3, 4, 5]) {
        await using t = new StreamTest({
          checkpointDir: true,
          master: 'local[2]',
          conf: INLINE,
          build: t => {
            const bad = t.ssc.deadLetters(
              t.sink(fileSink<DeadLetter>(`${t.dir}/bad`, { format: 'ndjson', files: faultyFiles(t, []) })),
              { require: 'exactly-once' },
            )
            t.input('in', input, { partitions: 2 })
              .map(parse, { onError: bad })
              .map(n => [n % 2, n])
              .reduceByKeyAndWindow(
                (a, b) => a + b,
                (a, b) => a - b,
                seconds(2),
              )
              .checkpoint(seconds(2))
              .writeTo(t.sink(fileSink(`${t.dir}/good`, { files: faultyFiles(t, []) })), {
                require: 'exactly-once',
              })
          },
        })
        t.crashAt(place, { nth })
        await t.run(3)
        assert.equal(t.crashed, true, `${place} ${nth}`)
        await t.crashAndRestart()
        await t.run(3 - t.clock.now() / 1000)
        const read = (name: string): string[] =>
          readdirSync(t.dir)
            .filter(folder => new RegExp(`^${name}-\\d+$`).test(folder))
            .sort()
            .flatMap(folder => {
              const { files } = JSON.parse(readFileSync(`${t.dir}/${folder}/_SUCCESS`, 'utf8'))
              return (files as string[]).flatMap(file =>
                readFileSync(`${t.dir}/${folder}/${file}`, 'utf8').split('\n').slice(0, -1),
              )
            })
        const letters = read('bad').map(line => JSON.parse(line) as DeadLetter)
        assert.deepEqual(
          letters.map(({ value, batchTime }) => [value, batchTime]),
          [
            ['x', 1000],
            ['y', 1000],
            ['z', 3000],
          ],
        )
        assert.deepEqual(read('good').sort(), ['[0,0]', '[0,2]', '[0,2]', '[1,0]', '[1,1]', '[1,1]'].sort())
      }
  })
})
