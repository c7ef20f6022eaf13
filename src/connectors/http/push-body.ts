/** Records of the body of a request, by its type. */

/** What JSON can say. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/** What a body has, or what the answer says is wrong with it. */
export type Body =
  | { readonly records: readonly JsonValue[] }
  | { readonly status: 400 | 415; readonly reason: string }

/**
 * `application/json`: the elements of an array, or one value. `application/x-ndjson` and `application/jsonl`: a value for each line.
 * `text/plain`, or no type: a text for each line. Lines without anything are passed over.
 */
export function bodyOf(contentType: string | undefined, bytes: Uint8Array): Body {
  const [type = ''] = (contentType ?? 'text/plain').toLowerCase().split(';')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { status: 400, reason: 'the body is no UTF-8' }
  }
  switch (type.trim()) {
    case 'application/json':
      return jsonOf(text, 'the body')
    case 'application/x-ndjson':
    case 'application/jsonl':
      return linesOfJson(text)
    case 'text/plain':
      return { records: linesOf(text).filter(line => line !== '') }
    default:
      return {
        status: 415,
        reason: `send application/json, application/x-ndjson or text/plain, not ${type.trim()}`,
      }
  }
}

function linesOfJson(text: string): Body {
  const records: JsonValue[] = []
  for (const [i, line] of linesOf(text).entries()) {
    if (line.trim() === '') continue
    const parsed = parse(line, `line ${i + 1}`)
    if ('reason' in parsed) return parsed
    records.push(parsed.value)
  }
  return { records }
}

function jsonOf(text: string, what: string): Body {
  const parsed = parse(text, what)
  if ('reason' in parsed) return parsed
  return { records: Array.isArray(parsed.value) ? (parsed.value as JsonValue[]) : [parsed.value] }
}

function parse(
  text: string,
  what: string,
): { readonly value: JsonValue } | { readonly status: 400; readonly reason: string } {
  try {
    return { value: JSON.parse(text) as JsonValue }
  } catch {
    // What the parser says has parts of the text in it.
    return { status: 400, reason: `${what} is no JSON; nothing of the body was taken` }
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/)
}
