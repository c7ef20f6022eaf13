import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { CliFolder } from '../support/cli.ts'

const folder = new CliFolder()
after(() => folder.remove())
const at = (name: string): string => join(folder.path, name)

function flip(file: string, byte = -3): void {
  const bytes = readFileSync(at(file))
  bytes[byte < 0 ? bytes.length + byte : byte]! ^= 1
  writeFileSync(at(file), bytes)
}

/** The golden program over other sources; `%` is where tests change it. */
const APP = `import { seconds, StateSpec, StreamingContext } from 'kindling'
import { setTimeout } from 'node:timers'
setTimeout(() => {}, 1e8)
const context = await StreamingContext.getOrCreate('of-the-program', () => {
  const ssc = new StreamingContext({ batchDuration: seconds(1) })
  const lines = ssc.textFileStream('in').uid('in')
  const pairs = lines.map(line => [line, 1] as const)
  pairs.updateStateByKey<number>((values, n = 0) => n + values.length).uid('history').print()
  pairs.mapWithState(StateSpec.function((key: string) => key).timeout(seconds(9)).numPartitions(2)).uid('sessions').print()
  const filter = ([, n]: readonly [string, number]) => n > 2
  pairs.reduceByKeyAndWindow((a, b) => a + b, (a, b) => a - b, seconds(6), seconds(2), { filter }).uid('counts').print()
  pairs.reduceByKeyAndWindow((a, b) => Math.max(a, b), seconds(5)).uid('highest').print()
  return ssc
})
await context.start()
console.log('has started')
`
const changed = (...changes: readonly (readonly [string, string])[]): string => {
  let text = APP
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), from)
    text = text.replace(from, to)
  }
  return text
}

describe('kindling checkpoint', () => {
  it('explains itself, and what was typed wrong', async () => {
    const help = await folder.run('checkpoint', '--help')
    assert.equal(help.code, 0)
    for (const command of ['show', 'plan', 'export', 'compact'])
      assert.match(help.out, new RegExp(`kindling checkpoint ${command} DIR`))
    for (const line of help.out.split('\n')) assert.ok(line.length <= 112, line)
    for (const [args, message] of [
      [['dance'], /no command "checkpoint dance".*show, plan, export, compact/],
      [['show'], /needs a directory, but got 0: kindling checkpoint show DIR/],
      [['show', 'a', '--force'], /--force/],
      [['export', 'a', 'b'], /needs --out FILE/],
      [['export', 'a', 'b', '--out', 'c', '--at', 'noon'], /--at needs a time in ms/],
      [['export', 'a', 'b', '--out', 'c', '--format', 'csv'], /ndjson or parquet/],
    ] as const) {
      const { code, err } = await folder.run('checkpoint', ...args)
      assert.equal(code, 2, args.join(' '))
      assert.match(err, message)
    }
  })

  it('says of a place without a checkpoint what it is', async () => {
    mkdirSync(at('empty'))
    mkdirSync(at('other/batches'), { recursive: true })
    writeFileSync(at('file'), '')
    for (const [name, message] of [
      [
        'nothing',
        /CHECKPOINT_NOT_FOUND: There is no checkpoint in .*nothing: the directory does not exist\. Give/,
      ],
      ['empty', /it is empty/],
      ['other', /it has no manifest/],
      ['file', /it is a file/],
    ] as const)
      for (const args of [
        ['show', name],
        ['compact', name, '--force'],
        ['plan', name, 'app.ts'],
      ]) {
        const { code, err } = await folder.run('checkpoint', ...args)
        assert.equal(code, 1, args.join(' '))
        assert.match(err, message)
        assert.doesNotMatch(err, /\n\s+at /)
      }
    assert.ok(!readdirSync(folder.path).includes('nothing'))
  })
})

describe('kindling checkpoint show', () => {
  it('draws what is saved in 80 columns, and changes nothing', async () => {
    const name = folder.golden('shown')
    const before = folder.content(name)
    const { code, out, err } = await folder.run('checkpoint', 'show', name)
    assert.equal(code, 0, err)
    assert.match(out, /ended +all batches up to 1970-01-01 00:00:13 UTC \(13000 ms\)/)
    assert.match(out, /^history +1 +39 +[\d.]+ KiB +\d+ d$/m)
    assert.match(out, /images of 6000, 9000\+, 12000\+ ms \(\+ increments\)/)
    for (const line of out.split('\n').slice(1)) assert.ok(line.length <= 80, line)
    assert.deepEqual(folder.content(name), before)
  })

  it('gives the same as JSON', async () => {
    const { code, out } = await folder.run('checkpoint', 'show', folder.golden('as-json'), '--json')
    assert.equal(code, 0)
    const { saved, damaged, manifests } = JSON.parse(out)
    assert.deepEqual([saved.ended, saved.batchMs, saved.pending, damaged], [13_000, 1000, [], []])
    assert.deepEqual(manifests, [7, 6, 5])
    assert.deepEqual(
      saved.operators.map((operator: { id: string; newest: unknown }) => [operator.id, operator.newest]),
      [
        ['history', { time: 12_000, partitions: 1, keys: 39 }],
        ['sessions', { time: 12_000, partitions: 2, keys: 8 }],
        ['counts', { time: 12_000, partitions: 1, keys: 6 }],
        ['highest', { time: 12_000, partitions: 1, keys: 9 }],
      ],
    )
  })

  it('still says something when every manifest is damaged or of a newer version', async () => {
    const name = folder.golden('hopeless')
    flip(`${name}/manifest-5`)
    writeFileSync(at(`${name}/manifest-6`), '')
    flip(`${name}/manifest-7`, 7)
    const bytes = readFileSync(at(`${name}/manifest-7`))
    bytes[7] = 2
    writeFileSync(at(`${name}/manifest-7`), bytes)
    const { code, out } = await folder.run('checkpoint', 'show', name)
    assert.equal(code, 1)
    assert.match(out, /No manifest can be read, so a program that goes on from here is refused\./)
    assert.match(out, /3 damaged files/)
    assert.match(out, /manifest-7: a newer version of Kindling wrote it \(format 2\)/)
    const compacted = await folder.run('checkpoint', 'compact', name, '--force')
    assert.match(compacted.err, /CHECKPOINT_NEWER: .*manifest-7 was written by a newer version/)
    const exported = await folder.run('checkpoint', 'export', name, 'history', '--out', 'x')
    assert.match(exported.err, /CHECKPOINT_NEWER/)
    assert.deepEqual([compacted.code, exported.code], [1, 1])
  })
})

describe('kindling checkpoint plan', () => {
  const name = folder.golden('planned')
  const before = folder.content(name)
  const planned = async (app: string, ...options: string[]) => {
    const { code, out, err } = await folder.run(
      'checkpoint',
      'plan',
      name,
      folder.program('app.ts', app),
      ...options,
    )
    assert.deepEqual(folder.content(name), before)
    assert.doesNotMatch(out, /has started/)
    assert.ok(!readdirSync(folder.path).includes('of-the-program'))
    return { code, text: (out + err).replace(/\s+/g, ' '), out }
  }

  it('says that a program which has not changed goes on with everything', async () => {
    const { code, text, out } = await planned(APP)
    assert.equal(code, 0, text)
    assert.match(text, /kept history: updateStateByKey, 39 keys saved at 12000 ms kept sessions: /)
    assert.match(text, /kept in: input, /)
    assert.match(text, /Goes on after the batch at 13000 ms; no batch runs again\./)
    assert.match(text, /The program itself saves in .*of-the-program/)
    assert.match(text, /The program goes on with everything that is saved\./)
    for (const line of out.split('\n').slice(1))
      assert.ok(line.length <= 80 || !line.trim().includes(' '), line)
  })

  it('says what is spread anew and what is new', async () => {
    const { code, text } = await planned(
      changed(
        ['.numPartitions(2)', '.numPartitions(3)'],
        [
          'return ssc',
          "pairs.updateStateByKey<number>(() => 1).uid('added').print(); ssc.textFileStream('b').print(); return ssc",
        ],
      ),
    )
    assert.equal(code, 0, text)
    assert.match(text, /spread sessions: mapWithState, 8 keys saved at 12000 ms, from 2 to 3 partitions/)
    assert.match(text, /new added: updateStateByKey, begins without state/)
    assert.match(text, /new textFileStream-\d: input/)
  })

  it('says what would be dropped, and whether it may be', async () => {
    const app = changed(["uid('history')", "uid('renamed')"], ['seconds(5)', 'seconds(7)'])
    const refused = await planned(app)
    assert.equal(refused.code, 3)
    assert.match(refused.text, /dropped history: updateStateByKey; it holds state of history/)
    assert.match(refused.text, /dropped highest: .* window was 5000 and is 7000/)
    assert.match(refused.text, /new renamed/)
    assert.match(refused.text, /Refused: the program has no place for history, highest\. Bring it back/)
    for (const options of [['--allow-drop'], ['--conf', 'kindling.checkpoint.allowDrop=true']]) {
      const dropped = await planned(app, ...options)
      assert.equal(dropped.code, 3)
      assert.match(dropped.text, /The program goes on, and gives up for good: history, highest\./)
    }
    const { code, out } = await planned(app, '--json')
    assert.equal(code, 3)
    assert.equal(JSON.parse(out).isRefused, true)
  })

  it('says what begins anew with another batch interval, and what goes on', async () => {
    const app = changed(['batchDuration: seconds(1)', 'batchDuration: 500'])
    const { code, text } = await planned(app)
    assert.equal(code, 3)
    assert.match(text, /kept history: .* kept sessions: .* kept counts: .* restarted highest: /)
    assert.match(text, /Batches of 1000 ms were planned, those to come are of 500 ms\./)
    assert.match(
      text,
      /Refused: the windows of highest would begin anew\. Keep the batch interval, or start with/,
    )
    const dropped = await planned(app, '--allow-drop')
    assert.equal(dropped.code, 3)
    assert.match(dropped.text, /The program goes on, and gives up for good: highest\./)
  })

  it('gives the program its arguments, and runs none of its jobs', async () => {
    const argued = await planned(changed(["uid('history')", 'uid(process.argv[2]!)']), '--', 'history')
    assert.equal(argued.code, 0, argued.text)
    const job = changed([
      'await context.start()',
      "await context.sc.parallelize([1]).saveAsTextFile('written')",
    ])
    const { code, text } = await planned(job)
    assert.equal(code, 1)
    assert.match(
      text,
      /PLAN_INTERRUPTED: app\.ts cannot be planned: it runs a job before start\(\): saveAsTextFile at/,
    )
    assert.ok(!readdirSync(folder.path).some(file => file.includes('written')))
  })

  it('says what is wrong with a program that cannot be planned', async () => {
    for (const [app, message] of [
      ["console.log('done')", /PLAN_INTERRUPTED: .*it ends without start\(\)/],
      ["throw new Error('not today')", /error: Error: not today/],
      [
        "import { StreamingContext } from 'kindling'\nawait new StreamingContext({ batchDuration: 1000 }).start()",
        /NO_OUTPUT_OPERATIONS/,
      ],
    ] as const) {
      const { code, text } = await planned(app)
      assert.equal(code, 1, text)
      assert.match(text, message)
    }
    const { code, err } = await folder.run('checkpoint', 'plan', name, 'nothing.ts')
    assert.equal(code, 2)
    assert.match(err, /no file nothing\.ts/)
  })
})

describe('kindling checkpoint export', () => {
  const name = folder.golden('exported')
  const lines = (file: string): { key: unknown; value: unknown }[] =>
    readFileSync(at(file), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))

  it('writes keys and values as NDJSON or Parquet', async () => {
    const { code, err } = await folder.run('checkpoint', 'export', name, 'history', '--out', 'h.ndjson')
    assert.equal(code, 0, err)
    assert.match(err, /history: 39 keys of 1970-01-01 00:00:12 UTC \(12000 ms\) in h\.ndjson/)
    const written = lines('h.ndjson')
    assert.equal(written.length, 39)
    assert.deepEqual(written[0], { key: 'once-0', value: { n: 0, seen: ['0'] } })
    assert.equal((await folder.run('checkpoint', 'export', name, 'history', '--out', 'h.parquet')).code, 0)
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(at('h.parquet')) })
    assert.deepEqual(rows, written)
    assert.equal(
      (await folder.run('checkpoint', 'export', name, 'highest', '--out', 'w', '--format', 'parquet')).code,
      0,
    )
    const [row] = await parquetReadObjects({ file: await asyncBufferFromFile(at('w')) })
    assert.equal(typeof row!['value'], 'number')
  })

  it('of an older image, when asked', async () => {
    for (const time of ['8000', '1970-01-01T00:00:08Z']) {
      const { code, err } = await folder.run(
        'checkpoint',
        'export',
        name,
        'counts',
        '--out',
        'c',
        '--at',
        time,
      )
      assert.equal(code, 0, err)
      assert.match(err, /in c\n/)
    }
    const other = await folder.run('checkpoint', 'export', name, 'counts', '--out', 'no', '--at', '9000')
    assert.equal(other.code, 1)
    assert.match(other.err, /OPERATOR_NOT_SAVED: .*no image of 9000 ms; there are those of 8000, 12000 ms/)
    assert.ok(!readdirSync(folder.path).includes('no'))
  })

  it('says which operators there are, and where it cannot write', async () => {
    const unknown = await folder.run('checkpoint', 'export', name, 'hist', '--out', 'no')
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /no state of hist: its operators are history, sessions, counts, highest/)
    const nowhere = await folder.run('checkpoint', 'export', name, 'history', '--out', 'no/such/folder')
    assert.equal(nowhere.code, 1)
    assert.match(nowhere.err, /OUTPUT_FAILED: Cannot write no\/such\/folder/)
  })

  it('goes back to an older image when the newest is damaged, and leaves nothing half done', async () => {
    const damaged = folder.golden('damaged')
    flip(`${damaged}/state/sessions/1/000000000012000-1.image`)
    const { code, err } = await folder.run('checkpoint', 'export', damaged, 'sessions', '--out', 's')
    assert.equal(code, 0, err)
    assert.match(err, /skipped the image of 12000 ms: .*its checksum does not match/)
    assert.match(err, /keys of 1970-01-01 00:00:09 UTC/)
    for (const time of ['6000', '9000']) flip(`${damaged}/state/sessions/0/00000000000${time}-1.image`)
    const lost = await folder.run('checkpoint', 'export', damaged, 'sessions', '--out', 'no')
    assert.equal(lost.code, 1)
    assert.match(lost.err, /FILE_DAMAGED/)
    assert.deepEqual(
      readdirSync(folder.path).filter(file => file === 'no' || file.startsWith('.')),
      [],
    )
  })
})

describe('state of registered classes', () => {
  it('is exported with the module that registers them', async () => {
    folder.program(
      'classes.ts',
      `import { registerClass } from 'kindling'
export class Total {
  n: number
  constructor(n: number) { this.n = n }
}
registerClass(Total, { encode: ({ n }) => n, decode: n => new Total(n) })
`,
    )
    const totals = `import { StreamingContext } from 'kindling'
import { Total } from './classes.ts'
const ssc = new StreamingContext({ batchDuration: 50 })
ssc.checkpoint('totals')
const pairs = ssc.iterableStream(['a', 'b', 'a']).map(word => [word, 1] as const)
const totals = pairs.updateStateByKey<Total>((ones, total = new Total(0)) => new Total(total.n + ones.length)).uid('totals')
totals.foreachRDD(async (rdd, time) => {
  const all = await rdd.collect()
  if (all.reduce((sum, [, { n }]) => sum + n, 0) === 3) setTimeout(() => void ssc.stop({ graceful: true }), 200)
})
await ssc.start()
await ssc.awaitTermination()
`
    const run = await folder.run('run', folder.program('totals.ts', totals))
    assert.equal(run.code, 0, run.err)
    const shown = await folder.run('checkpoint', 'show', 'totals')
    assert.equal(shown.code, 0, shown.err)
    assert.match(shown.out, /^totals +1 +\? /m)
    assert.doesNotMatch(shown.out, /damaged/)
    const refused = await folder.run('checkpoint', 'export', 'totals', 'totals', '--out', 'totals.ndjson')
    assert.equal(refused.code, 1)
    assert.match(refused.err, /CLASS_NOT_REGISTERED: .*Total/)
    // A program without the class is refused (D121): to skip the images would give up the state.
    const without = totals.replaceAll(/import \{ Total.*|<Total>/g, '').replace(/new Total\(0\)/, '{ n: 0 }')
    const app = folder.program('without.ts', without.replace(/new Total\((.*?)\)\)/, '({ n: $1 }))'))
    for (const command of [['run'], ['checkpoint', 'plan', 'totals']]) {
      const { code, err } = await folder.run(...command, app)
      assert.equal(code, 1, command.join())
      assert.match(err, /CLASS_NOT_REGISTERED: .*Total/)
    }
    const args = ['totals', 'totals', '--out', 'totals.ndjson', '--import', 'classes.ts']
    const { code, err } = await folder.run('checkpoint', 'export', ...args)
    assert.equal(code, 0, err)
    assert.equal(
      readFileSync(at('totals.ndjson'), 'utf8'),
      '{"key":"a","value":{"n":2}}\n{"key":"b","value":{"n":1}}\n',
    )
  })
})

describe('kindling checkpoint compact', () => {
  it('deletes nothing while the program may run, and says what went', async () => {
    const name = folder.golden('compacted')
    writeFileSync(at(`${name}/state/counts/0/000000000002000-1.image`), 'x')
    writeFileSync(at(`${name}/manifest-2`), '')
    writeFileSync(at(`${name}/notes.txt`), 'mine')
    const before = folder.content(name)
    const { code, err } = await folder.run('checkpoint', 'compact', name)
    assert.equal(code, 1)
    assert.match(err, /CHECKPOINT_IN_USE: .* it does not say which process wrote it\. Nothing was deleted\./)
    assert.deepEqual(folder.content(name), before)
    const forced = await folder.run('checkpoint', 'compact', name, '--force')
    assert.equal(forced.code, 0, forced.err)
    assert.match(
      forced.out,
      /^manifest-2: old manifest\nstate\/counts\/0\/000000000002000-1\.image: image that no/,
    )
    assert.match(forced.out, /deleted \d+ files, /)
    assert.ok(readdirSync(at(name)).includes('notes.txt'))
    const again = await folder.run('checkpoint', 'compact', name, '--force')
    assert.equal(again.out, 'nothing to delete: every file may be needed\n')
    const { code: planned } = await folder.run('checkpoint', 'plan', name, folder.program('app.ts', APP))
    assert.equal(planned, 0)
  })

  it('sees by itself that the process which wrote last has ended', async () => {
    const app = folder.program(
      'short.ts',
      `import { StreamingContext } from 'kindling'
const ssc = new StreamingContext({ batchDuration: 50 })
ssc.checkpoint('short')
ssc.iterableStream([1, 2, 3]).foreachRDD(async (rdd, time) => { if (time.milliseconds % 100 === 0) void ssc.stop() })
await ssc.start()
await ssc.awaitTermination()
`,
    )
    const run = await folder.run('run', app)
    assert.equal(run.code, 0, run.err)
    const soon = await folder.run('checkpoint', 'compact', 'short')
    assert.match(soon.err, /it was changed \d+ s ago/)
    for (const file of Object.keys(folder.content('short'))) utimesSync(file, 1000, 1000)
    const { code, err } = await folder.run('checkpoint', 'compact', 'short')
    assert.equal(code, 0, err)
  })
})
