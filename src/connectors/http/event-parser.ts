/**
 * Server-sent events of a stream of text, by the rules of the HTML standard (9.2.6).
 *
 *   id: 7 ┐
 *   event: edit │ fields of an event; an empty line ends it
 *   data: a ┘
 */
import { KindlingError } from '../../base/errors.ts'
import type { ServerEvent } from './http-utils.ts'

/** Characters of one event that are kept. */
const MAX_CHARS = 16 * 1024 * 1024

/** See the file head. */
export class EventParser {
  /** What the server asked clients to wait before they connect again. */
  retryMs: number | undefined
  private lastId: string | undefined
  private event = ''
  private data: string[] = []
  private chars = 0
  private rest = ''
  private isFirst = true

  /** @param lastId of the event before the first one */
  constructor(lastId: string | undefined) {
    this.lastId = lastId
  }

  /** The events that are whole now. @throws ENDPOINT_FAILED for one that is too large */
  push(text: string): ServerEvent[] {
    const all = this.rest + (this.isFirst ? text.replace(/^\uFEFF/, '') : text)
    this.isFirst = false
    // A line may end in CR LF: a CR at the end may be half of that.
    const lines = all.split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop()!
    if (this.chars + this.rest.length > MAX_CHARS)
      throw new KindlingError('ENDPOINT_FAILED', {
        server: 'The server',
        what: 'events',
        reason: `one of them is over ${MAX_CHARS} characters long`,
      })
    return lines.map(line => this.line(line)).filter(event => event !== undefined)
  }

  private line(line: string): ServerEvent | undefined {
    if (line === '') return this.end()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    this.chars += line.length
    if (field === 'data') this.data.push(value)
    else if (field === 'event') this.event = value
    else if (field === 'id' && !value.includes('\0')) this.lastId = value
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value)
    return undefined
  }

  private end(): ServerEvent | undefined {
    const { data, event, lastId } = this
    this.data = []
    this.event = ''
    this.chars = 0
    if (data.length === 0) return undefined
    return { id: lastId, event: event || 'message', data: data.join('\n') }
  }
}
