import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import type { Declaration, Member } from '../../scripts/docs/declarations.ts'
import { type DocComment, tagsOf } from '../../scripts/docs/doc-comment.ts'
import { publicDeclarations, referencePages } from '../../scripts/docs/reference.ts'
import { type ConfigEntry, configEntries } from '../../src/base/config.ts'

const committed = (name: string): string =>
  readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8')

it('the reference pages say what the code says (npm run docs brings them up to date)', () => {
  for (const [name, text] of referencePages()) assert.equal(committed(name), text, name)
})

it('every exported name and every public method has a doc comment', () => {
  const declarations = publicDeclarations()
  const bare: string[] = []
  for (const declaration of declarations) {
    if (declaration.doc === undefined || declaration.doc.text === '')
      bare.push(`${declaration.file}:${declaration.line} ${declaration.name}`)
    for (const member of declaration.members)
      if (
        member.kind === 'method' &&
        (member.doc?.text ?? '') === '' &&
        !isKnownFromElsewhere(declaration, member)
      )
        bare.push(`${member.place} ${declaration.name}.${member.name}`)
  }
  assert.deepEqual(bare, [])
})

/**
 * The rule: every exported class and function, and every public method, has an example with a value that is checked. Not asked of
 *
 *   properties and accessors                  what they give is in their type
 *   constructors and abstract methods         the example of the class constructs it, or overrides them
 *   what `isKnownFromElsewhere`               methods of a public interface or base class, `toString`, `[Symbol.…]`
 *
 * test/docs/examples.test.ts runs them.
 */
it('every exported class and function and every public method has an example that is checked', () => {
  const bare: string[] = []
  for (const declaration of publicDeclarations()) {
    const { name, kind, file, line, members } = declaration
    if (kind !== 'class' && kind !== 'function') continue
    if (!isChecked(name, declaration.doc)) bare.push(`${file}:${line} ${name}`)
    for (const member of members)
      if (
        member.kind === 'method' &&
        !member.signatures[0]!.startsWith('abstract ') &&
        !isChecked(`${name}.${member.name}`, member.doc) &&
        !isKnownFromElsewhere(declaration, member)
      )
        bare.push(`${member.place} ${name}.${member.name}`)
  }
  assert.deepEqual(bare, [])
})

/** Those whose example is right in type, but cannot be run by a test. */
const TYPES_ONLY: readonly string[] = [
  'StreamingContext', // a whole program, which ends when it is stopped from outside
  'StreamingContext.socketTextStream', // needs a server
  'StreamingContext.socketStream',
  'KafkaUtils.createDirectStream', // needs a broker
]

function isChecked(name: string, doc: DocComment | undefined): boolean {
  const examples = tagsOf(doc, 'example')
  return TYPES_ONLY.includes(name) ? examples.length > 0 : examples.some(text => /\/\/ => ./.test(text))
}

/** What an interface or a base class of the public names says already, and what every object has. */
function isKnownFromElsewhere(owner: Declaration, member: Member): boolean {
  if (member.name === 'toString' || member.name.startsWith('[Symbol.')) return true
  const [head = ''] = owner.signatures
  const above = `${owner.bases.join(' ')} ${/\b(?:implements|extends) (.*)$/.exec(head)?.[1] ?? ''}`
  return publicDeclarations().some(
    other =>
      new RegExp(`\\b${other.name}\\b`).test(above) &&
      other.members.some(m => m.name === member.name && m.doc !== undefined),
  )
}

it('settings say whether they take effect: "since" stands exactly where the code reads the key', () => {
  const source = join(import.meta.dirname, '../../src')
  const code = globSync('**/*.ts', { cwd: source })
    .filter(file => !file.startsWith('base/'))
    .map(file => readFileSync(join(source, file), 'utf8'))
    .join('\n')
  const isRead = (name: string, key: string): boolean =>
    new RegExp(`\\bconfigEntries\\.${name}\\b|\\{[^{}]*\\b${name}\\b[^{}]*\\} = configEntries`).test(code) ||
    code.includes(`getRaw('${key}')`)
  for (const [name, entry] of Object.entries<ConfigEntry<unknown>>(configEntries)) {
    assert.equal(
      entry.since !== undefined,
      isRead(name, entry.key),
      `${entry.key}: since, and whether it is read`,
    )
  }
})
