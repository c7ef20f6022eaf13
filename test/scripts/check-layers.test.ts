import assert from 'node:assert/strict'
import { it } from 'node:test'
import { violations } from '../../scripts/check-layers.ts'

const check = (files: Record<string, string>): string[] => violations(new Map(Object.entries(files)))

it('imports from lower layers, and of one layer, are fine', () => {
  assert.deepEqual(
    check({
      'base/a.ts': 'export const a = 1',
      'rdd/b.ts': "import { a } from '../base/a.ts'\nimport { c } from './c.ts'",
      'rdd/c.ts': "import type { b } from './b.ts'\nexport const c = 1",
      'index.ts': "export { c } from './rdd/c.ts'",
    }),
    [],
  )
})

for (const [what, source] of [
  ['a value', "import { b } from '../rdd/b.ts'"],
  ['a type', "import type { b } from '../rdd/b.ts'"],
  ['a name passed on', "export { b } from '../rdd/b.ts'"],
  ['a module loaded later', "const b = await import('../rdd/b.ts')"],
  ['nothing but its effect', "import '../rdd/b.ts'"],
  ['everything passed on', "export * from '../rdd/b.ts'"],
  ['everything under one name', "import * as b from '../rdd/b.ts'"],
  ['a default and names', 'import d, { type T } from "../rdd/b.ts"'],
  ['a type in place', "const b: import('../rdd/b.ts').b = 1"],
  ['over several lines', "import {\n  a,\n  b,\n} from '../rdd/b.ts'"],
] as const)
  it(`an import from a higher layer is refused: ${what}`, () => {
    const wrong = check({ 'data/a.ts': source, 'rdd/b.ts': 'export const b = 1' })
    assert.equal(wrong.length, 1)
    assert.match(wrong[0]!, /^data\/a\.ts:1: data may not import from rdd/)
  })

it('storage and scheduler do not see each other', () => {
  assert.match(
    check({ 'storage/a.ts': "import { b } from '../scheduler/b.ts'", 'scheduler/b.ts': '' })[0]!,
    /meet only in ports/,
  )
})

it('the public list is not imported inside', () => {
  const wrong = check({
    'rdd/a.ts': "import { b } from './index.ts'",
    'rdd/index.ts': "export { a } from './a.ts'",
  })
  assert.match(wrong[0]!, /imports the public list/)
})

it('files that need each other by value are refused', () => {
  const wrong = check({ 'rdd/a.ts': "import { b } from './b.ts'", 'rdd/b.ts': "import { a } from './a.ts'" })
  assert.deepEqual(wrong, ['cycle: rdd/a.ts → rdd/b.ts → rdd/a.ts'])
})

it('a type of a file and a value of another do not make a cycle, wherever the import stands', () => {
  const files = {
    'rdd/a.ts': "export type A = number\nimport { b, type B } from './b.ts'",
    'rdd/b.ts':
      "import { type A } from './a.ts'\nimport type { C } from './a.ts'\nexport type { D } from './a.ts'",
  }
  assert.deepEqual(check(files), [])
  const wrong = check({ ...files, 'rdd/b.ts': "import { type A, a } from './a.ts'" })
  assert.deepEqual(wrong, ['cycle: rdd/a.ts → rdd/b.ts → rdd/a.ts'])
})

it('lines are counted, comments are no imports, and a missing file is reported', () => {
  const text =
    "/**\n * import { x } from '../cli/main.ts'\n */\n// import '../cli/main.ts'\n\nimport './gone.ts'"
  assert.deepEqual(check({ 'base/a.ts': text, 'cli/main.ts': '' }), [
    'base/a.ts:6: imports base/gone.ts, which is no file of src/',
  ])
})

it('a folder that is no layer is refused, and so is importing the root', () => {
  assert.match(check({ 'misc/a.ts': '' })[0]!, /there is no layer "misc"/)
  const wrong = check({ 'cli/a.ts': "import { s } from '../index.ts'", 'index.ts': '' })
  assert.ok(wrong.some(line => /cli may not import from the root/.test(line)))
})
