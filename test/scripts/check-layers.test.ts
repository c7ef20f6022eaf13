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
