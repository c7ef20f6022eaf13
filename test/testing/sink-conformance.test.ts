import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { KindlingError } from '../../src/base/errors.ts'
import { SparkContext } from '../../src/context/spark-context.ts'
import type { FileFormatName } from '../../src/rdd/sink/file-format.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { FileStorage } from '../../src/rdd/sink/file-storage.ts'
import {
  type BatchToken,
  isSameBatch,
  type Sink,
  type SinkSession,
  type WriteToken,
} from '../../src/rdd/sink/sink.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import { type SinkSubject, sinkConformance } from '../../src/testing/sink-conformance.ts'
import type { SinkPlace } from '../../src/testing/sink-trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'kindling-conformance-'))
after(() => rmSync(folder, { recursive: true }))
const sc = new SparkContext({ master: 'local' })
after(() => sc.stop())
let made = 0
const records = ['one', 'two', 'three', 'four', 'five', 'six']

/** The records of all directories that are whole, by the files that they name. */
async function read(directory: string, format: FileFormatName): Promise<string[]> {
  const found: string[] = []
  for (const name of namesIn(directory)) {
    const success = join(directory, name, '_SUCCESS')
    if (name.startsWith('.') || !existsSync(success)) continue
    for (const file of (JSON.parse(readFileSync(success, 'utf8')) as { files: string[] }).files) {
      const path = join(directory, name, file)
      const rdd =
        format === 'object'
          ? sc.objectFile<string>(path)
          : format === 'ndjson'
            ? sc.ndjsonFile<string>(path)
            : sc.textFile(path)
      found.push(...(await rdd.collect()))
    }
  }
  return found
}

function namesIn(directory: string): string[] {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(directory) : []
}

/** The one that writes now may keep a hidden note of that. */
function isOpen(name: string): boolean {
  return name.startsWith('.out._fence-')
}

function leftovers(directory: string): string[] {
  return namesIn(directory).flatMap(name => {
    // A storage has no folders, only files in them.
    if (statSync(join(directory, name)).isDirectory() && namesIn(join(directory, name)).length === 0)
      return []
    if (isOpen(name)) return []
    const success = join(directory, name, '_SUCCESS')
    if (!existsSync(success)) return [name]
    const { files } = JSON.parse(readFileSync(success, 'utf8')) as { files: string[] }
    const named = ['_SUCCESS', ...files]
    return readdirSync(join(directory, name)).filter(file => !named.includes(file))
  })
}

function files(format: FileFormatName, compression: 'none' | 'gzip'): SinkSubject<string> {
  return {
    records,
    isReachedFromThreads: true,
    place() {
      const directory = join(folder, String(made++))
      return {
        sink: () => fileSink(join(directory, 'out'), { format, compression }),
        read: () => read(directory, format),
        leftovers: () => leftovers(directory),
        break() {
          // Nobody can make a directory in a file, whoever he is.
          rmSync(directory, { recursive: true })
          writeFileSync(directory, '')
        },
      }
    },
  }
}

function storage(maxFileBytes: number): SinkSubject<string> {
  return {
    records,
    place() {
      const directory = join(folder, String(made++))
      let isBroken = false
      const local = new LocalStorage(directory, { durable: false })
      const refuse = async (): Promise<never> => {
        throw new KindlingError('OUTPUT_FAILED', { path: directory, reason: 'it is broken' })
      }
      const store: FileStorage = {
        name: directory,
        createIfAbsent: (file, bytes) => (isBroken ? refuse() : local.createIfAbsent(file, bytes)),
        write: (file, bytes) => (isBroken ? refuse() : local.write(file, bytes)),
        read: file => local.read(file),
        list: name => local.list(name),
        delete: file => local.delete(file),
      }
      return {
        sink: () => fileSink('out', { storage: store, maxFileBytes }),
        read: () => read(directory, 'text'),
        leftovers: () => leftovers(directory),
        break: () => void (isBroken = true),
      }
    },
  }
}

const subjects: Readonly<Record<string, SinkSubject<string>>> = {
  'text files': files('text', 'none'),
  'packed JSON': files('ndjson', 'gzip'),
  'object files': files('object', 'none'),
  'files on a storage': storage(64 * 1024 * 1024),
  'files on a storage, many to a partition': storage(1),
  'a table': table({}),
}

for (const [name, subject] of Object.entries(subjects))
  describe(`sinkConformance of ${name}`, () => {
    for (const { name, run } of sinkConformance(subject)) it(name, run)
  })

/** What a sink of a table could do wrong. */
interface Wrong {
  /** Rows are seen before the commit. */
  readonly early?: boolean
  readonly ignoresToken?: boolean
  readonly ignoresEpoch?: boolean
  readonly keepsAborted?: boolean
  readonly takesAllAttempts?: boolean
  readonly forgetsProgram?: boolean
  readonly swallows?: boolean
  readonly sendsFunctions?: boolean
}

/** A table with tokens in memory: right, but for what is asked to be wrong. */
function table(wrong: Wrong): SinkSubject<string> {
  return {
    records,
    place(): SinkPlace<string> {
      const rows: string[] = []
      const tokens: BatchToken[] = []
      const prepared = new Map<string, { readonly at: WriteToken; readonly rows: readonly string[] }>()
      let epoch = 0
      let isBroken = false
      const check = (): void => {
        if (isBroken && wrong.swallows !== true) throw new Error('no connection')
      }
      const isHeld = (token: BatchToken): boolean =>
        tokens.some(
          other =>
            isSameBatch(other, token) ||
            (wrong.forgetsProgram === true && other.batchTime === token.batchTime),
        )
      const refuseOlder = (token: BatchToken): void => {
        if (wrong.ignoresEpoch === true || token.epoch >= epoch) return
        throw new KindlingError('SINK_FENCED', {
          ...{ sink: 'table', operator: token.operatorId, epoch: token.epoch },
          reason: `epoch ${epoch} has opened it`,
        })
      }
      const drop = (batch: BatchToken): void => {
        for (const [key, { at }] of prepared)
          if (isSameBatch(at, batch) && at.epoch <= batch.epoch) prepared.delete(key)
      }
      const sink = (): Sink<string, unknown> => ({
        name: 'table',
        guarantee: 'exactly-once',
        by: 'transaction',
        writer(at) {
          const own: string[] = []
          const key = JSON.stringify(at)
          return {
            write(more) {
              check()
              own.push(...more)
              if (wrong.early === true) rows.push(...more)
            },
            prepare() {
              check()
              prepared.set(key, { at, rows: own })
              return wrong.sendsFunctions === true ? () => key : key
            },
            abort() {
              if (wrong.takesAllAttempts === true) prepared.set(key, { at, rows: own })
            },
          }
        },
        open: (session: SinkSession) => void (epoch = Math.max(epoch, session.epoch)),
        committed: asked => asked.filter(isHeld),
        begin: refuseOlder,
        commit(batch, messages) {
          check()
          refuseOlder(batch)
          if (isHeld(batch) && wrong.ignoresToken !== true) return drop(batch)
          const counted =
            wrong.takesAllAttempts === true
              ? [...prepared.values()].filter(({ at }) => isSameBatch(at, batch))
              : messages.map(key => prepared.get(key as string)!)
          if (!isBroken && wrong.early !== true) for (const part of counted) rows.push(...part.rows)
          tokens.push(batch)
          if (wrong.ignoresToken !== true) drop(batch)
        },
        abort(batch) {
          if (wrong.keepsAborted !== true) drop(batch)
        },
      })
      return {
        sink,
        read: () => rows,
        leftovers: () => [...prepared.keys()].filter(() => wrong.takesAllAttempts !== true),
        break: () => void (isBroken = true),
      }
    },
  }
}

describe('sinkConformance', () => {
  const mistakes: readonly (readonly [keyof Wrong, RegExp])[] = [
    ['early', /before the commit, readers see/],
    ['ignoresToken', /after a second commit, readers see/],
    ['ignoresEpoch', /after the commit of a driver that was overtaken, readers see/],
    ['keepsAborted', /after abort, this is left over/],
    ['takesAllAttempts', /after the commit, readers see/],
    ['forgetsProgram', /takes the batch of another program/],
    ['swallows', /nothing can be written, and nothing was thrown/],
  ]
  for (const [mistake, text] of mistakes)
    it(`finds a sink that ${mistake}`, async () => {
      const found = await failuresOf(table({ [mistake]: true }))
      assert.ok(
        found.some(message => text.test(message)),
        found.join('\n'),
      )
    })

  it('finds a sink whose messages are no data', async () => {
    assert.ok((await failuresOf(table({ sendsFunctions: true }))).some(message => /function/.test(message)))
  })

  it('finds nothing in a sink that repeats and says so, and what repeats in one that says it does not', async () => {
    const rows = (guarantee: 'at-least-once' | 'idempotent'): SinkSubject<string> => ({
      records,
      place() {
        const all: string[] = []
        return {
          sink: () => ({
            ...{ name: 'rows', guarantee },
            writer: () => ({ write: more => void all.push(...more), prepare() {}, abort() {} }),
          }),
          read: () => all,
        }
      },
    })
    assert.deepEqual(await failuresOf(rows('at-least-once')), [])
    assert.match((await failuresOf(rows('idempotent')))[0]!, /after the batch was written again/)
  })
})

async function failuresOf(subject: SinkSubject<string>): Promise<string[]> {
  const messages: string[] = []
  for (const { run } of sinkConformance(subject))
    await run().catch((error: Error) => void messages.push(error.message))
  return messages
}
