/**
 * Seeded pseudo-random numbers: the same seed gives the same numbers on every machine and version.
 *
 * The generator is sfc32 (Doty-Humphrey, PractRand), its four words seeded by a hash of the seed's text. A fork
 * depends on seed and label alone, never on how many numbers were drawn, so that partition 7 of a stage gets the
 * same numbers in whatever order partitions run.
 */
import { KindlingError } from './errors.ts'

/**
 * A stream of pseudo-random numbers. Not for secrets.
 *
 * @example
 * const random = new Random(42)
 * const forPartition = random.fork('sample').fork(3)
 */
export class Random {
  private readonly path: string
  private a: number
  private b: number
  private c: number
  private counter: number

  /** @param seed any text or number; equal seeds give equal streams, and 1 and '1' differ */
  constructor(seed: number | string) {
    this.path = segment(seed)
    ;[this.a, this.b, this.c, this.counter] = hash128(this.path)
    // The first outputs of sfc32 still resemble its seed; twelve rounds mix it fully.
    for (let i = 0; i < 12; i++) this.word()
  }

  /**
   * The next number, at least 0 and below 1, with 53 random bits.
   *
   * @example
   * new Random(1).next() === new Random(1).next() // => true
   */
  next(): number {
    const high = this.word() >>> 5
    const low = this.word() >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  }

  /**
   * A whole number, at least 0 and below n, each equally likely (the bias is below n / 2^53).
   *
   * @throws INVALID_ARGUMENT when n is not a whole number from 1 up
   */
  int(n: number): number {
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new KindlingError('INVALID_ARGUMENT', {
        what: 'n',
        value: n,
        expected: 'a whole number from 1 up',
      })
    }
    return Math.floor(this.next() * n)
  }

  /** An independent stream for a part of the work, fixed by this one's seed and the label. */
  fork(label: string | number): Random {
    return new Random(this.path + segment(label))
  }

  private word(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0
    return t
  }
}

// With type and length in front no two lists of labels give the same text.
function segment(label: number | string): string {
  const text = String(label)
  return `${typeof label === 'number' ? 'n' : 's'}${text.length}:${text};`
}

// Four 32-bit words of a text: FNV-1a with four offsets, each finished with the mixer of MurmurHash3.
function hash128(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    for (let w = 0; w < 4; w++) words[w] = Math.imul(words[w]! ^ unit ^ (w << 8), 0x01000193)
  }
  for (let w = 0; w < 4; w++) {
    let h = words[w]! ^ words[(w + 1) & 3]!
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    words[w] = h ^ (h >>> 16)
  }
  return words
}
