import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import type { Declaration, Member } from '../../scripts/docs/declarations.ts'
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
