/**
 * The inputs, from one seed: the same bytes on every machine. Written once into a cache folder; their SHA-256 is printed with the
 * results.
 *
 * text10k, text352k   lines of at most 99 bytes of Zipf(1) words from 10 k and 1 M (352 k seen in 3 M lines); 1 % hold the needle
 * ysb                 JSON events of 254 bytes of the Yahoo streaming benchmark: 1000 ads in 100 campaigns
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '../src/base/random.ts'

/** In one line out of a hundred. */
export const NEEDLE = 'qzjxk'
const LINE_BYTES = 99
const POOL = 1 << 20

/** A generated input: its files in batch order. */
export interface Input {
  readonly files: readonly string[]
  readonly recordsPerFile: number
  readonly sha256: string
}

const folder = join(tmpdir(), 'kindling-bench-1')

/** Words with Zipf(1) frequencies, drawn from a pool made once. */
function wordPool(random: Random, vocabulary: number): string[] {
  const words = new Set<string>()
  while (words.size < vocabulary) {
    let word = ''
    for (let left = 3 + random.int(8); left > 0; left--) word += String.fromCharCode(97 + random.int(26))
    if (!word.includes(NEEDLE)) words.add(word)
  }
  const list = [...words]
  const sums = new Float64Array(vocabulary)
  let total = 0
  for (let i = 0; i < vocabulary; i++) sums[i] = total += 1 / (i + 1)
  return Array.from({ length: POOL }, () => {
    const at = random.next() * total
    let low = 0
    let high = vocabulary - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < at) low = middle + 1
      else high = middle
    }
    return list[low]!
  })
}

function textFile(random: Random, pool: readonly string[], lines: number): string {
  let text = ''
  for (let i = 0; i < lines; i++) {
    let line = random.next() < 0.01 ? NEEDLE : pool[random.int(POOL)]!
    for (;;) {
      const word = pool[random.int(POOL)]!
      if (line.length + 1 + word.length > LINE_BYTES) break
      line += ` ${word}`
    }
    text += `${line}\n`
  }
  return text
}

/** Text files of `lines` lines each. */
export function textInput(name: 'text10k' | 'text352k', files: number, lines: number): Input {
  const random = new Random(`${name}-${lines}`)
  const vocabulary = name === 'text10k' ? 10_000 : 1_000_000
  let pool: string[] | undefined
  return written(`${name}-${lines}`, files, lines, () => {
    pool ??= wordPool(random, vocabulary)
    return textFile(random, pool, lines)
  })
}

/** One key a line: first each key as often as every other, in random order, then keys drawn at random. */
export function updateInput(keys: number): Input {
  const random = new Random(`updates-${keys}`)
  const lines = 100_000
  const sweep = 10
  const at = Uint32Array.from({ length: lines * sweep }, (_, i) => i % keys)
  for (let i = at.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    const swapped = at[i]!
    at[i] = at[j]!
    at[j] = swapped
  }
  let file = 0
  return written(`updates-${keys}`, 25, lines, () => {
    const first = file++ * lines
    let text = ''
    for (let i = 0; i < lines; i++) {
      const key = first + i < at.length ? at[first + i]! : random.int(keys)
      text += `user-${String(key * 7919).padStart(11, '0')}\n`
    }
    return text
  })
}

const hex = (random: Random, n: number): string =>
  Array.from({ length: n }, () => random.int(16).toString(16)).join('')
const uuid = (random: Random): string => [8, 4, 4, 4, 12].map(n => hex(random, n)).join('-')

/** The ads of the Yahoo benchmark and their campaigns. */
export function ads(): Map<string, string> {
  const random = new Random('ads')
  const campaigns = Array.from({ length: 100 }, () => uuid(random))
  return new Map(Array.from({ length: 1000 }, (_, i) => [uuid(random), campaigns[Math.floor(i / 10)]!]))
}

/** JSON events, ten for each ms of record time. */
export function ysbInput(files: number, events: number): Input {
  const random = new Random('ysb')
  const adIds = [...ads().keys()]
  const many = (n: number): string[] => Array.from({ length: n }, () => uuid(random))
  const users = many(100)
  const pages = many(100)
  const pick = (from: readonly string[]): string => from[random.int(from.length)]!
  const types = ['banner', 'modal', 'sponsored-search', 'mail', 'mobile']
  let at = 0
  return written(`ysb-${events}`, files, events, () => {
    let text = ''
    for (let i = 0; i < events; i++, at++)
      text += `{"user_id": "${pick(users)}", "page_id": "${pick(pages)}", "ad_id": "${pick(adIds)}", "ad_type": "${pick(types)}", "event_type": "${pick(['view', 'click', 'purchase'])}", "event_time": "${1_700_000_000_000 + Math.floor(at / 10)}", "ip_address": "1.2.3.4"}\n`
    return text
  })
}

function written(name: string, count: number, recordsPerFile: number, make: () => string): Input {
  const dir = join(folder, name)
  const files = Array.from({ length: count }, (_, i) => join(dir, `${String(i).padStart(4, '0')}.txt`))
  const mark = join(dir, `sha256-${count}`)
  if (!existsSync(mark)) {
    mkdirSync(dir, { recursive: true })
    const hash = createHash('sha256')
    for (const file of files) {
      const text = make()
      hash.update(text)
      writeFileSync(file, text)
    }
    writeFileSync(mark, hash.digest('hex'))
  }
  return { files, recordsPerFile, sha256: readFileSync(mark, 'utf8') }
}
