/** Text files of 64 MiB: lines of 64 bytes. */

/** Of a file, or of all files of a batch. */
export const TEXT_BYTES: number = 64 << 20
const LINE_BYTES = 64
const JOINED_LINES = 1 << 14
/** In a file. */
export const LINES: number = TEXT_BYTES / LINE_BYTES

/** Line `n`, without its end. */
export function lineOf(n: number): string {
  return `${n} is a line with nothing else to say`.padEnd(LINE_BYTES - 1, '.')
}

/** All lines, as a careful hand makes bytes of them: joined and encoded some thousand at a time. */
export function joined(): Buffer {
  const pieces: Buffer[] = []
  for (let first = 0; first < LINES; first += JOINED_LINES) {
    let text = ''
    for (let n = first; n < first + JOINED_LINES; n++) text += `${lineOf(n)}\n`
    pieces.push(Buffer.from(text))
  }
  return Buffer.concat(pieces)
}

/** The bare program's way from bytes to lines: whole lines of a piece at a time, the rest to the next. Gives how many characters they have. */
export class LineLengths {
  sum = 0
  private rest = ''

  add(bytes: Uint8Array): void {
    const text = this.rest + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
    const lines = text.split('\n')
    this.rest = lines.pop()!
    for (const line of lines) this.sum += line.length
  }
}

/** What lines of a file add up to. */
export const TEXT_LENGTH: number = LINES * (LINE_BYTES - 1)
