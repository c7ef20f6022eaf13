/** Doc comments, taken apart. */

/** One doc comment. */
export interface DocComment {
  /** What stands before the first tag, in Markdown. */
  readonly text: string
  readonly tags: readonly DocTag[]
}

/** A tag and what stands after it: `param`, `n how many`. */
export interface DocTag {
  readonly name: string
  readonly text: string
  /** Lines from the beginning of the comment, 0-based. */
  readonly line: number
}

const KNOWN = ['param', 'typeParam', 'throws', 'source', 'example', 'internal', 'since'] as const

/** @param comment what stands between the stars: `* text` lines */
export function parseDocComment(comment: string): DocComment {
  const lines = comment
    .trimStart()
    .split('\n')
    .map(line => line.replace(/^\s*\* ?/, '').trimEnd())
  const text: string[] = []
  const tags: { name: string; lines: string[]; line: number }[] = []
  lines.forEach((line, at) => {
    // `@throws` may also stand behind a sentence on the same line.
    const [before, ...found] = splitTags(line)
    const last = tags.at(-1)
    if (before !== undefined && (before !== '' || found.length === 0)) (last?.lines ?? text).push(before)
    for (const { name, rest } of found) tags.push({ name, lines: [rest], line: at })
  })
  return {
    text: text.join('\n').trim(),
    tags: tags.map(tag => ({ name: tag.name, line: tag.line, text: tag.lines.join('\n').trim() })),
  }
}

type Found = { readonly name: string; readonly rest: string }

function splitTags(line: string): [string, ...Found[]] {
  const pattern = new RegExp(`(?:^|(?<=[.:;)] ))@(${KNOWN.join('|')})\\b ?`, 'g')
  const matches = [...line.matchAll(pattern)]
  const first = matches[0]
  if (first === undefined) return [line]
  const found = matches.map((match, i): Found => {
    const from = match.index + match[0].length
    return { name: match[1]!, rest: line.slice(from, matches[i + 1]?.index ?? line.length).trim() }
  })
  return [line.slice(0, first.index).trim(), ...found]
}

/** The texts of all tags of a name. */
export function tagsOf(doc: DocComment | undefined, name: (typeof KNOWN)[number]): string[] {
  return doc?.tags.filter(tag => tag.name === name).map(tag => tag.text) ?? []
}
