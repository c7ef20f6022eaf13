import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DirectSource, KindlingError, Receiver } from 'kindling'
import { type SourceSubject, sourceConformance } from 'kindling/testing'

// ---- a direct source over logs in memory: right, but for what is asked to be wrong ----

interface WrongDirect {
  readonly keepsOwnPosition?: boolean
  readonly readsToTheEnd?: boolean
  readonly ignoresLimit?: boolean
  readonly leaks?: boolean
  readonly ignoresNewPartitions?: boolean
  readonly swallows?: boolean
  readonly savesSecrets?: boolean
  readonly stepsBack?: boolean
}

interface Range {
  readonly log: number
  readonly from: number
  readonly until: number
}

interface Position {
  readonly next: readonly number[]
  readonly password?: string
}

const missing = (name: string): Error =>
  new KindlingError('SOURCE_FAILED', { source: name, reason: 'no such log' })

function logs(wrong: WrongDirect): SourceSubject<string> {
  const source = (
    all: string[][],
    open: Set<object>,
    name = 'logs',
  ): DirectSource<string, Range, Position> => {
    const connection = {}
    let own: Position | undefined
    return {
      name,
      open() {
        open.add(connection)
        if (name === 'unknown' && wrong.swallows !== true) throw missing(name)
      },
      plan({ position, limit }) {
        const at = wrong.keepsOwnPosition === true ? own : position
        let left = wrong.ignoresLimit === true ? Number.POSITIVE_INFINITY : limit
        const count = wrong.ignoresNewPartitions === true ? 1 : all.length
        const ranges = all.slice(0, count).map((log, i) => {
          const from = Math.max(0, (at?.next[i] ?? 0) - (wrong.stepsBack === true ? 1 : 0))
          const until = Math.min(log.length, from + left)
          left -= until - from
          return { log: i, from, until }
        })
        own = {
          next: ranges.map(({ until }) => until),
          ...(wrong.savesSecrets === true ? { password: 'hush' } : {}),
        }
        return {
          ranges,
          position: own,
          numRecords: ranges.reduce((sum, { from, until }) => sum + until - from, 0),
        }
      },
      read: (sc, ranges) =>
        sc.fromPartitions(ranges, ({ log, from, until }) =>
          all[log]!.slice(from, wrong.readsToTheEnd === true ? undefined : until),
        ),
      close() {
        if (wrong.leaks !== true) open.delete(connection)
      },
    }
  }
  return {
    name: 'logs',
    kind: 'direct',
    record: n => `record ${n}`,
    secrets: ['hush'],
    place() {
      const all: string[][] = [[]]
      const open = new Set<object>()
      let turn = 0
      return {
        stream: ssc => ssc.directStream(source(all, open)),
        send(records) {
          for (const record of records) all[turn++ % all.length]!.push(record)
        },
        addPartition: () => void all.push([]),
        open: () => [...open].map(() => 'a connection'),
      }
    },
    failures: [
      {
        what: 'an unknown log',
        stream: ssc => ssc.directStream(source([[]], new Set(), 'unknown')),
        code: 'SOURCE_FAILED',
        message: /no such log/,
      },
    ],
  }
}

// ---- receivers from a peer in memory that sends until it is told that it need not ----

interface WrongReceiver {
  readonly acknowledgesEarly?: boolean
  readonly dropsWhatIsNotStored?: boolean
  readonly doesNotWait?: boolean
  readonly leaks?: boolean
  readonly neverReconnects?: boolean
  readonly hidesErrors?: boolean
}

class Peer {
  readonly connections = new Set<(broken: boolean) => void>()
  readonly waiting: string[] = []
  acknowledged = 0
  private readonly idle: (() => void)[] = []

  send(records: readonly string[]): Promise<void> {
    this.waiting.push(...records)
    for (const wake of [...this.connections]) wake(false)
    return this.waiting.length === 0 ? Promise.resolve() : new Promise(resolve => this.idle.push(resolve))
  }

  acknowledge(n: number): void {
    this.waiting.splice(0, n)
    this.acknowledged += n
    if (this.waiting.length === 0) for (const resolve of this.idle.splice(0)) resolve()
  }
}

class PeerReceiver extends Receiver<string> {
  private readonly peer: Peer | undefined
  private readonly isReliable: boolean
  private readonly wrong: WrongReceiver
  private wake: ((broken: boolean) => void) | undefined

  constructor(peer: Peer | undefined, isReliable: boolean, wrong: WrongReceiver) {
    super()
    this.peer = peer
    this.isReliable = isReliable
    this.wrong = wrong
  }

  override onStart(): void {
    const { peer } = this
    if (peer === undefined) {
      if (this.wrong.hidesErrors !== true) this.restart('nobody is there', undefined)
      return
    }
    let signal = Promise.withResolvers<boolean>()
    const wake = (broken: boolean): void => {
      signal.resolve(broken)
      if (!broken) signal = Promise.withResolvers()
    }
    this.wake = wake
    peer.connections.add(wake)
    void this.pump(peer, wake, () => signal.promise)
  }

  override onStop(): void {
    if (this.wrong.leaks !== true && this.wake !== undefined) this.peer?.connections.delete(this.wake)
    this.wake?.(true)
    this.wake = undefined
  }

  private async pump(
    peer: Peer,
    wake: (broken: boolean) => void,
    next: () => Promise<boolean>,
  ): Promise<void> {
    while (this.wake === wake && !this.isStopped()) {
      const coming = next()
      const batch = peer.waiting.slice(0, 10)
      if (batch.length > 0) await this.take(peer, batch)
      else if (await coming) break
    }
    if (this.wake === wake && this.wrong.neverReconnects !== true) this.restart('the connection broke')
  }

  private async take(peer: Peer, batch: readonly string[]): Promise<void> {
    const { acknowledgesEarly, dropsWhatIsNotStored, doesNotWait } = this.wrong
    if (!this.isReliable) {
      peer.acknowledge(batch.length)
      for (const record of batch) {
        const wait = this.store(record)
        if (doesNotWait !== true) await wait
      }
      return
    }
    if (acknowledgesEarly === true) peer.acknowledge(batch.length)
    try {
      const stored = this.storeMany(batch)
      if (doesNotWait !== true) await stored
      else stored.catch(() => {})
      if (acknowledgesEarly !== true) peer.acknowledge(batch.length)
    } catch (error) {
      if (dropsWhatIsNotStored === true) peer.acknowledge(batch.length)
      else this.reportError('not stored', error)
    }
  }
}

function peer(kind: 'reliable' | 'receiver', wrong: WrongReceiver): SourceSubject<string> {
  const receiver = (from: Peer | undefined): PeerReceiver =>
    new PeerReceiver(from, kind === 'reliable', wrong)
  return {
    name: 'a peer',
    kind,
    record: n => `record ${n}`,
    place() {
      const one = new Peer()
      return {
        stream: ssc => ssc.receiverStream(receiver(one)),
        send: records => one.send(records),
        interrupt() {
          for (const wake of [...one.connections]) wake(true)
        },
        acknowledged: () => one.acknowledged,
        open: () => [...one.connections].map(() => 'a connection'),
      }
    },
    failures: [
      {
        what: 'nobody at the address',
        stream: ssc => ssc.receiverStream(receiver(undefined)),
        message: /nobody is there/,
      },
    ],
  }
}

for (const subject of [logs({}), peer('reliable', {}), peer('receiver', {})])
  describe(`sourceConformance of ${subject.name} (${subject.kind})`, () => {
    for (const { name, run } of sourceConformance(subject)) it(name, run)
  })

describe('sourceConformance', { concurrency: true }, () => {
  const mistakes: readonly (readonly [
    SourceSubject<string>,
    mistake: string,
    inCase: RegExp,
    text: RegExp,
  ])[] = [
    [logs({ keepsOwnPosition: true }), 'keeps its own position', /away/, /is in two batches/],
    [logs({ stepsBack: true }), 'reads a record again', /what comes/, /is in two batches/],
    [
      logs({ readsToTheEnd: true }),
      'reads further when it reads again',
      /crash at output /,
      /in two batches|other/,
    ],
    [logs({ ignoresLimit: true }), 'ignores the limit', /no more than it may/, /may have 2 records had 6/],
    [logs({ leaks: true }), 'does not close', /lets everything go/, /is still open: a connection/],
    [
      logs({ ignoresNewPartitions: true }),
      'does not find new partitions',
      /partitions/,
      /are not in the output/,
    ],
    [logs({ swallows: true }), 'hides a failure', /an unknown log/, /an unknown log, and nothing like/],
    [logs({ savesSecrets: true }), 'saves a secret', /what comes/, /a secret is in the checkpoint/],
    [
      peer('reliable', { acknowledgesEarly: true }),
      'acknowledges early',
      /not before/,
      /before they were stored/,
    ],
    [
      peer('reliable', { dropsWhatIsNotStored: true }),
      'drops what is not stored',
      /cannot be stored/,
      /not in the output/,
    ],
    [
      peer('reliable', { doesNotWait: true }),
      'does not wait',
      /do not keep up/,
      /were taken while no batch ended/,
    ],
    [
      peer('receiver', { doesNotWait: true }),
      'does not wait',
      /do not keep up/,
      /were taken while no batch ended/,
    ],
    [
      peer('receiver', { leaks: true }),
      'does not let go',
      /lets everything go/,
      /is still open: a connection/,
    ],
    [
      peer('receiver', { neverReconnects: true }),
      'does not connect again',
      /interruption/,
      /takes 2 records: it never/,
    ],
    [peer('receiver', { hidesErrors: true }), 'hides errors', /nobody/, /nothing like .*nobody is there/],
  ]
  for (const [subject, mistake, inCase, text] of mistakes)
    it(`finds a source (${subject.kind}) that ${mistake}`, async () => {
      const tried = sourceConformance({ ...subject, patienceMs: 3000 }).find(({ name }) => inCase.test(name))
      await assert.rejects(tried!.run(), { code: 'SOURCE_NOT_CONFORMING', message: text })
    })
})
