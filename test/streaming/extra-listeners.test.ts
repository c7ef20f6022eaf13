import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StreamTest } from '../../src/testing/stream-test.ts'

const seen: unknown[] = []
Object.assign(globalThis, { seenByExtraListeners: seen })

/** A program with listeners from modules, which `files` are. */
function program(listeners: (dir: string) => string, files: Record<string, string>): StreamTest {
  const t = new StreamTest({
    conf: { 'spark.app.name': 'listened' },
    build: t => {
      t.sc.conf.set('spark.streaming.extraListeners', listeners(t.dir))
      t.collect('out', t.input('in', [[1, 2]]))
    },
  })
  for (const [name, text] of Object.entries(files)) t.file(name, text)
  return t
}

describe('spark.streaming.extraListeners', () => {
  it('are loaded at the start: objects, classes and functions, by path and export', async () => {
    const push = 'globalThis.seenByExtraListeners.push'
    await using t = program(dir => `${dir}/object.mjs, ${dir}/class.ts,${dir}/named.mjs#make`, {
      'object.mjs': `export default { onBatchCompleted: e => ${push}('object ' + e.batchInfo.numRecords) }`,
      'class.ts': `export default class {
        readonly name: string
        constructor(conf: { getRaw(key: string): string }) { this.name = conf.getRaw('spark.app.name') }
        onBatchCompleted() { (globalThis as never as { seenByExtraListeners: unknown[] }).seenByExtraListeners.push('class ' + this.name) }
      }`,
      'named.mjs': `export function make(conf) { return { onStreamingStarted: () => ${push}('started ' + conf.getRaw('spark.app.name')) } }`,
    })
    await t.run(1)
    await t.ssc.stop()
    assert.deepEqual(seen, ['started listened', 'object 2', 'class listened'])
  })

  it('one that cannot be loaded fails the start, saying which and why', async () => {
    for (const [listener, files, message] of [
      ['missing.mjs', {}, /missing\.mjs.*Cannot find module/s],
      ['throws.mjs', { 'throws.mjs': 'throw new Error("no licence")' }, /throws\.mjs.*no licence/],
      ['none.mjs', { 'none.mjs': 'export const other = 1' }, /none\.mjs.*export default is undefined/],
    ] as const) {
      await using t = program(dir => `${dir}/${listener}`, files)
      await assert.rejects(t.ssc.start(), { code: 'EXTRA_LISTENER_FAILED', message })
      assert.equal(t.ssc.getState(), 'stopped')
    }
    await using t = program(() => 'no-such-package-anywhere', {})
    await assert.rejects(t.ssc.start(), { code: 'EXTRA_LISTENER_FAILED' })
  })
})
