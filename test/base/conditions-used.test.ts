import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Condition, conditions } from '../../src/base/conditions.ts'

const source = join(import.meta.dirname, '../../src')
const files = globSync('**/*.ts', { cwd: source }).map(file => ({
  file,
  code: readFileSync(join(source, file), 'utf8'),
}))

/** The text of a bracket that opens at `start`, without its ends. */
function inside(code: string, start: number): string {
  let depth = 0
  for (let i = start; i < code.length; i++) {
    if ('([{'.includes(code[i]!)) depth++
    else if (')]}'.includes(code[i]!) && --depth === 0) return code.slice(start + 1, i)
  }
  return ''
}

/** Names of the fields of an object literal's text; undefined when it spreads another. */
function fieldsOf(literal: string): string[] | undefined {
  const flat = literal
    .replace(/\.\.\./g, '@')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "''")
  const names: string[] = []
  let depth = 0
  let field = ''
  for (const char of `${flat},`) {
    if ('([{'.includes(char)) depth++
    if (')]}'.includes(char)) depth--
    if (char !== ',' || depth > 0) {
      field += char
      continue
    }
    if (field.trim().startsWith('@')) return undefined
    const name = /^\s*(?:\/\/.*\n\s*)*(\w+)/.exec(field)?.[1]
    if (name !== undefined) names.push(name)
    field = ''
  }
  return names
}

test('whoever raises a condition gives every parameter of its message, and none that it has no place for', () => {
  const wrong: string[] = []
  let checked = 0
  for (const { file, code } of files) {
    for (const match of code.matchAll(/new KindlingError\(\s*'(\w+)'\s*(,\s*\{)?/g)) {
      const condition: Condition | undefined = (conditions as Record<string, Condition>)[match[1]!]
      const at = `${file}:${code.slice(0, match.index).split('\n').length} ${match[1]}`
      if (condition === undefined) {
        wrong.push(`${at}: no such condition`)
        continue
      }
      const given = match[2] === undefined ? [] : fieldsOf(inside(code, match.index + match[0].length - 1))
      // Parameters made elsewhere cannot be read here.
      if (given === undefined || (match[2] === undefined && code[match.index + match[0].length] === ','))
        continue
      checked++
      const wanted = [...condition.message.matchAll(/\{(\w+)\}/g)].map(place => place[1]!)
      for (const name of wanted) if (!given.includes(name)) wrong.push(`${at}: {${name}} is not given`)
      for (const name of given) if (!wanted.includes(name)) wrong.push(`${at}: the message has no {${name}}`)
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(checked > 50, `only ${checked} places were found: has the way to raise conditions changed?`)
})

test('every condition of the table is raised somewhere', () => {
  const code = files
    .filter(({ file }) => file !== 'base/conditions.ts')
    .map(file => file.code)
    .join('\n')
  const unused = Object.keys(conditions).filter(name => !code.includes(`'${name}'`))
  assert.deepEqual(unused, [])
})
