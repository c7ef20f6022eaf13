/**
 * Keys of long-lived tables: key → dense slot, the keys themselves as bytes in one arena.
 *
 *   buckets   [hash, place] [hash, place] …      open addressing, linear probing; place 0 is empty
 *   arena     … | slot | length and kind | bytes of the key | …      a place is an index of 4-byte words
 *
 * Keys are looked up many at a time, in three loops: hashes, buckets, comparison with the arena. The loads of one loop do not
 * depend on each other, so the processor has many of them under way at once; with a million keys nearly every load misses the
 * caches, and a look-up key by key waits for each.
 *
 * Equality is that of `key.ts`. Strings are kept by their characters, numbers by their bits; all other keys by their canonical
 * text, with a copy beside it.
 *
 * I1  A slot, once given, belongs to its key for ever; nothing is removed.
 * I2  Place and slot are written before the bucket that points to them.
 * Cost at 1 M keys: 16 bytes of buckets and 12 besides the characters for each key, and no object at all.
 */
import { KindlingError } from '../base/errors.ts'
import { copyValue } from './codec.ts'
import { hashKey, hashNumber } from './hash.ts'
import { canonicalText } from './key.ts'
import { unpinned } from './key-table.ts'

const LATIN1 = 0
const UTF16 = 1
const NUMBER = 2
const OTHER = 3

/** Keys looked up together. Their scratch stays in the first-level cache. */
export const LOOKUP_BLOCK = 512

/** Up to so many keys, strings are kept beside their bytes, for those who want keys as values. */
const TEXTS_UP_TO = 1 << 16

/** 2^32 divided by the golden ratio: spreads hashes of keys that count up. */
const GOLDEN = 0x9e3779b1
const FIRST_BITS = 10
/** Odd, and its bits are spread. */
const MIX = 0x85ebca6b
/** Places are int32 words: the arena may reach 8 GiB. */
const MAX_WORDS = 2 ** 31 - 1
/** Of buckets that are made in advance; more are made when there are so many keys. */
const MAX_BITS = 28

/** Scratch for the keys of a block: their hashes, their first places, and where in `packed` the words of strings begin. */
const hashes = new Int32Array(LOOKUP_BLOCK)
const places = new Int32Array(LOOKUP_BLOCK)
const starts = new Int32Array(LOOKUP_BLOCK)
/** Length and kind, as in the arena, of keys that lie in `packed`. */
const heads = new Int32Array(LOOKUP_BLOCK)
const UNPACKED = -1
const packed = new Int32Array(16 * LOOKUP_BLOCK)
let packedEnd = 0

const float = new Float64Array(1)
const floatWords = new Int32Array(float.buffer)

/** See the file head. */
export class ArenaIndex {
  private buckets: Int32Array = new Int32Array(2 << FIRST_BITS)
  private bits = FIRST_BITS
  private words: Int32Array = new Int32Array(4096)
  private bytes: Uint8Array = new Uint8Array(this.words.buffer)
  private halves: Uint16Array = new Uint16Array(this.words.buffer)
  /** Word 0 is never a place. */
  private end = 1
  private placeOfSlot: Int32Array = new Int32Array(1024)
  private slots = 0
  /** Copies of keys that are neither string nor number, by slot. */
  private readonly others = new Map<number, unknown>()
  /** Keys as values: the first ones, and those that somebody asked for. */
  private readonly made: unknown[] = []

  /** How many keys there are; slots are 0 … size−1 in order of first appearance. */
  get size(): number {
    return this.slots
  }

  /** The slot of a key; −1 when it is not here. @throws KEY_NOT_SUPPORTED */
  find(key: unknown): number {
    const place = this.placeOf(key, hashOf(key), kindOf(key))
    return place === 0 ? -1 : this.words[place]!
  }

  /** The slot of a key, which is added when it is new. @throws KEY_NOT_SUPPORTED, TABLE_FULL */
  slotOf(key: unknown): number {
    return this.slotBy(key, hashOf(key), kindOf(key))
  }

  /**
   * The slots of `keys[from]` … `keys[to − 1]`, written to `slots[0]` …; new keys are added in their order.
   *
   * @param to at most `from + LOOKUP_BLOCK`
   */
  slotsOf(keys: readonly unknown[], from: number, to: number, slots: Int32Array): void {
    const n = to - from
    packedEnd = 0
    for (let i = 0; i < n; i++) {
      const key = keys[from + i]
      if (typeof key === 'string') pack(key, i)
      else {
        heads[i] = UNPACKED
        hashes[i] = typeof key === 'number' ? hashNumber(key) : hashKey(key)
      }
    }
    this.findPlaces(n)
    let { words } = this
    for (let i = 0; i < n; i++) {
      const place = places[i]!
      const head = heads[i]!
      if (place !== 0 && head !== UNPACKED && words[place + 1] === head) {
        let at = starts[i]!
        let word = place + 2
        for (const end = word + wordsOf(head >>> 2); word < end && words[word] === packed[at]; word++) at++
        if (word === place + 2 + wordsOf(head >>> 2)) {
          slots[i] = words[place]!
          continue
        }
      }
      const key = keys[from + i]
      slots[i] = this.slotBy(key, hashes[i]!, kindOf(key))
      words = this.words
    }
  }

  /** The first place with the hash of each key of the block, 0 for none. */
  private findPlaces(n: number): void {
    const { buckets, bits } = this
    const shift = 32 - bits
    const mask = (1 << bits) - 1
    for (let i = 0; i < n; i++) {
      const hash = hashes[i]!
      let bucket = Math.imul(hash, GOLDEN) >>> shift
      let place = buckets[2 * bucket + 1]!
      while (place !== 0 && buckets[2 * bucket] !== hash) {
        bucket = (bucket + 1) & mask
        place = buckets[2 * bucket + 1]!
      }
      places[i] = place
    }
  }

  /**
   * The string of a slot where that lies ready, else `key`, which is equal. A string cut out of a chunk of text keeps all of that chunk
   * in memory, and costs more to read; the table's own does not.
   */
  textOf(slot: number, key: string): string {
    const own = slot < TEXTS_UP_TO ? this.made[slot] : undefined
    return own === undefined ? key : (own as string)
  }

  /** The key of a slot. The engine's own copy: not to be handed to user code unless it is a primitive. */
  keyAt(slot: number): unknown {
    const known = this.made[slot]
    if (known !== undefined) return known
    const key = this.readKey(slot)
    while (this.made.length <= slot) this.made.push(undefined)
    this.made[slot] = key
    return key
  }

  private readKey(slot: number): unknown {
    const place = this.placeOfSlot[slot]!
    const head = this.words[place + 1]!
    const start = (place + 2) << 2
    const length = head >>> 2
    switch (head & 3) {
      case LATIN1:
        return Buffer.from(this.bytes.buffer, start, length).toString('latin1')
      case UTF16:
        return Buffer.from(this.bytes.buffer, start, length * 2).toString('utf16le')
      case NUMBER:
        floatWords[0] = this.words[place + 2]!
        floatWords[1] = this.words[place + 3]!
        return float[0]
      default:
        return this.others.get(slot)
    }
  }

  private slotBy(key: unknown, hash: number, kind: number): number {
    const place = this.placeOf(key, hash, kind)
    return place === 0 ? this.add(key, hash, kind) : this.words[place]!
  }

  private placeOf(key: unknown, hash: number, kind: number): number {
    const { buckets, bits } = this
    const mask = (1 << bits) - 1
    const text = kind === OTHER ? canonicalText(key) : key
    for (let bucket = Math.imul(hash, GOLDEN) >>> (32 - bits); ; bucket = (bucket + 1) & mask) {
      const place = buckets[2 * bucket + 1]!
      if (place === 0) return 0
      if (buckets[2 * bucket] === hash && this.holds(place, text, kind)) return place
    }
  }

  private holds(place: number, key: unknown, kind: number): boolean {
    const { words, bytes, halves } = this
    if (kind === NUMBER) {
      setFloat(key as number)
      return (
        (words[place + 1]! & 3) === NUMBER &&
        words[place + 2] === floatWords[0] &&
        words[place + 3] === floatWords[1]
      )
    }
    const text = key as string
    if (words[place + 1] !== ((text.length << 2) | kind)) return false
    const units = kind === LATIN1 ? bytes : halves
    const start = (place + 2) << (kind === LATIN1 ? 2 : 1)
    for (let c = 0; c < text.length; c++) if (units[start + c] !== text.charCodeAt(c)) return false
    return true
  }

  /** Makes room for so many keys at once, before there are any. Without it room is made as they come. */
  expect(keys: number): void {
    if (this.slots > 0) return
    let { bits } = this
    while (keys * 5 > 3 << bits && bits < MAX_BITS) bits++
    if (bits > this.bits) {
      this.bits = bits
      this.buckets = new Int32Array(2 << bits)
    }
    if (keys > this.placeOfSlot.length) this.placeOfSlot = new Int32Array(keys)
  }

  private add(key: unknown, hash: number, kind: number): number {
    // Whatever refuses the key does so before anything is changed.
    const text = kind === OTHER ? canonicalText(key) : (key as string)
    const own = kind === OTHER ? copyValue(key) : undefined
    const room = kind === NUMBER ? 2 : kind === LATIN1 ? (text.length + 3) >> 2 : (text.length + 1) >> 1
    const place = this.reserve(room + 2)
    const slot = this.slots
    this.words[place] = slot
    if (kind === NUMBER) {
      setFloat(key as number)
      this.words[place + 1] = NUMBER
      this.words[place + 2] = floatWords[0]!
      this.words[place + 3] = floatWords[1]!
    } else {
      this.words[place + 1] = (text.length << 2) | kind
      const units = kind === LATIN1 ? this.bytes : this.halves
      const start = (place + 2) << (kind === LATIN1 ? 2 : 1)
      for (let c = 0; c < text.length; c++) units[start + c] = text.charCodeAt(c)
    }
    if (kind === OTHER) this.others.set(slot, own)
    if (slot === this.placeOfSlot.length) this.placeOfSlot = grown(this.placeOfSlot, slot * 2)
    this.placeOfSlot[slot] = place
    this.slots++
    if (slot < TEXTS_UP_TO) this.made[slot] = kind === LATIN1 ? unpinned(text) : undefined
    this.link(hash, place)
    return slot
  }

  private reserve(count: number): number {
    const place = this.end
    const needed = place + count
    if (needed > MAX_WORDS)
      throw new KindlingError('TABLE_FULL', { limit: MAX_WORDS, what: 'words of key text' })
    if (needed > this.words.length) {
      this.words = grown(this.words, Math.min(MAX_WORDS, Math.max(needed, this.words.length * 2)))
      this.bytes = new Uint8Array(this.words.buffer)
      this.halves = new Uint16Array(this.words.buffer)
    }
    this.end = needed
    return place
  }

  private link(hash: number, place: number): void {
    // At most three of five buckets in use: probes stay within a cache line or two.
    if (this.slots * 5 > 3 << this.bits) this.rehash()
    put(this.buckets, this.bits, hash, place)
  }

  private rehash(): void {
    const old = this.buckets
    this.bits++
    this.buckets = new Int32Array(2 << this.bits)
    for (let at = 0; at < old.length; at += 2)
      if (old[at + 1] !== 0) put(this.buckets, this.bits, old[at]!, old[at + 1]!)
  }
}

function hashOf(key: unknown): number {
  if (typeof key === 'string') {
    packedEnd = 0
    pack(key, 0)
    return hashes[0]!
  }
  return typeof key === 'number' ? hashNumber(key) : hashKey(key)
}

function kindOf(key: unknown): number {
  if (typeof key === 'number') return NUMBER
  if (typeof key !== 'string') return OTHER
  for (let c = 0; c < key.length; c++) if (key.charCodeAt(c) > 255) return UTF16
  return LATIN1
}

const wordsOf = (length: number): number => (length + 3) >> 2

/**
 * Hashes a string as the `i`-th key of a block, four characters at a time; in passing its words are kept as the arena has them, so
 * that they are compared without looking at the characters again.
 */
function pack(text: string, i: number): void {
  const { length } = text
  const start = packedEnd
  const fits = start + wordsOf(length) <= packed.length
  let at = start
  let seen = 0
  let hash = length
  let c = 0
  for (; c + 4 <= length; c += 4) {
    const c0 = text.charCodeAt(c)
    const c1 = text.charCodeAt(c + 1)
    const c2 = text.charCodeAt(c + 2)
    const c3 = text.charCodeAt(c + 3)
    seen |= c0 | c1 | c2 | c3
    const word = c0 | (c1 << 8) | (c2 << 16) | (c3 << 24)
    hash = Math.imul(hash ^ word, MIX)
    hash ^= hash >>> 15
    if (fits) packed[at++] = word
  }
  if (c < length) {
    let word = 0
    for (let shift = 0; c < length; c++, shift += 8) {
      const code = text.charCodeAt(c)
      seen |= code
      word |= code << shift
    }
    hash = Math.imul(hash ^ word, MIX)
    hash ^= hash >>> 15
    if (fits) packed[at++] = word
  }
  hashes[i] = hash
  const isPacked = fits && seen < 256
  heads[i] = isPacked ? (length << 2) | LATIN1 : UNPACKED
  starts[i] = start
  if (isPacked) packedEnd = at
}

/** One bit pattern for each number that is a key of its own: −0 is 0, and all NaN are one. */
function setFloat(key: number): void {
  float[0] = key === 0 ? 0 : key
  if (!Number.isNaN(key)) return
  floatWords[0] = 0
  floatWords[1] = 0x7ff80000
}

function put(buckets: Int32Array, bits: number, hash: number, place: number): void {
  const mask = (1 << bits) - 1
  let bucket = Math.imul(hash, GOLDEN) >>> (32 - bits)
  while (buckets[2 * bucket + 1] !== 0) bucket = (bucket + 1) & mask
  buckets[2 * bucket] = hash
  buckets[2 * bucket + 1] = place
}

function grown(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(length)
  to.set(from)
  return to
}
