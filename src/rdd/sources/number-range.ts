/** Numbers in equal steps, made when they are read: a partition is three numbers. */
import { KindlingError } from '../../base/errors.ts'
import type { ChunkSource } from '../../data/chunk.ts'

/** `start`, `start + step`, … below `end` (above it when `step` is negative). */
export interface NumberRange {
  readonly start: number
  readonly end: number
  readonly step: number
}

const CHUNK_ROWS = 1024

/** How many numbers there are. @throws INVALID_ARGUMENT for a step of 0 and for numbers that are not whole */
export function rangeLength({ start, end, step }: NumberRange): number {
  for (const [what, value] of [
    ['the start of a range', start],
    ['the end of a range', end],
    ['the step of a range', step],
  ] as const)
    if (!Number.isSafeInteger(value) || (what === 'the step of a range' && value === 0))
      throw new KindlingError('INVALID_ARGUMENT', {
        what,
        value,
        expected: 'a whole number below 2^53, and a step not 0',
      })
  return Math.max(0, Math.ceil((end - start) / step))
}

/** The range in `n` parts of nearly equal length. */
export function sliceRange(range: NumberRange, n: number): NumberRange[] {
  const length = rangeLength(range)
  const { start, step } = range
  const at = (i: number): number => start + Math.floor((i * length) / n) * step
  return Array.from({ length: n }, (_, i) => ({ start: at(i), end: at(i + 1), step }))
}

export function openRange({ start, end, step }: NumberRange): ChunkSource<number> {
  const length = rangeLength({ start, end, step })
  let at = 0
  return {
    next() {
      if (at >= length) return undefined
      const rows = new Array<number>(Math.min(CHUNK_ROWS, length - at))
      for (let i = 0; i < rows.length; i++) rows[i] = start + (at + i) * step
      at += rows.length
      return { kind: 'rows', rows }
    },
    close() {
      at = length
    },
  }
}
