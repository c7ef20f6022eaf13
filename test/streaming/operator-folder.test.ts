import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { operatorFolder } from '../../src/streaming/checkpoint/operator-folder.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'
import { thrown } from '../support/rejected.ts'
import { runs } from '../support/runs.ts'

type Pair = [string, number]

/** Ids that would leave the directory, meet another's folder, or mean something else to a file system. */
const ODD = [
  ...[
    '../x',
    '../../x',
    'a/b',
    'a\\b',
    'a',
    'A',
    '.',
    '..',
    '.hidden',
    'a.',
    'a ',
    'CON',
    'con',
    'com1',
    'NUL.txt',
  ],
  ...[
    'größe',
    'GRÖSSE',
    'gro\u0308ße',
    '数',
    '👍',
    '-rf',
    'a:b',
    'a*',
    'x'.repeat(256),
    `${'x'.repeat(255)}y`,
  ],
]

describe('the folder of an operator', () => {
  it('is its id where that is plain, and stays the same for ever', () => {
    assert.deepEqual(['counts', 'page_views-2', 'Counts', '../x', 'con', 'größe'].map(operatorFolder), [
      'counts',
      'page_views-2',
      'Counts=c3ea5bf706e433a1',
      '___x=d6b96a97d147daaa',
      'con=1143da2bc54c495c',
      'gr__e=d353a2671b67afff',
    ])
  })

  it('stays in its place and differs from all others, on any file system', () => {
    const folders = new Map<string, string>()
    const check = (id: string): void => {
      const folder = operatorFolder(id)
      assert.match(folder, /^[\w=-]{1,100}$/)
      assert.doesNotMatch(folder, /^(con|prn|aux|nul|com\d|lpt\d)$/i)
      const other = folders.get(folder.toLowerCase())
      assert.ok(other === undefined || other === id, `${id} and ${other} share ${folder}`)
      folders.set(folder.toLowerCase(), id)
    }
    for (const id of ODD) check(id)
    const short = fc.string({
      unit: fc.constantFrom('a', 'A', '_', '=', '.', '/', 'é'),
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(fc.property(fc.oneof(short, fc.string({ minLength: 1, unit: 'binary' })), check), {
      numRuns: runs * 4,
    })
  })

  it('holds state that is found again, whatever the uid', async () => {
    const script = Array.from({ length: 9 }, (_, i): Pair[] => [['a', i + 1]])
    await using t = new StreamTest({
      checkpointDir: true,
      build: t => {
        for (const uid of ODD) {
          const input = t.input('in', script)
          const sums = input.updateStateByKey<number>((values, n = 0) => values.reduce((a, b) => a + b, n), 1)
          t.collect(uid, sums.uid(uid).checkpoint(1000))
        }
      },
    })
    await t.run(3)
    await t.crashAndRestart()
    await t.run(1)
    for (const uid of ODD) assert.deepEqual(t.out(uid).batches.at(-1), [['a', 10]], uid)
    assert.equal(readdirSync(`${t.checkpointDir}/state`).length, ODD.length)
    assert.deepEqual(readdirSync(t.dir), ['checkpoint'])
  })

  it('has a name that people can read: others are refused', async () => {
    await using t = new StreamTest({ build: t => void t.collect('x', t.input('in', [])) })
    for (const uid of ['', 'x'.repeat(257), 'a\nb', 'a\0', '\ud800'])
      thrown('INVALID_ARGUMENT', () => t.input('in', []).uid(uid))
  })
})
