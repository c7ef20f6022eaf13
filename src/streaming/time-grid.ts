/**
 * When batches are: at the zero time and whole batch intervals. A program that goes on with another interval than before has times of
 * several eras, each from where the one before has ended:
 *
 *   era of 1 s   |1 |2 |3 |4 |5 |6 |7
 *   era of 2 s                       |8    |10   |12
 *
 * A stream has RDDs at those of its slide. Times are in ms.
 */

/** Batch times of one interval. */
export interface Era {
  /** Batches are whole intervals after it. */
  readonly zeroTime: number
  readonly batchMs: number
  /** Its times are later; of one that has not begun, infinite. */
  readonly after: number
}

/** The slide of a stream in an era, in ms. */
export type SlideIn = (era: Era) => number

/** See the file head. */
export class TimeGrid {
  private all: readonly Era[]

  /** @param eras at least one, the oldest first */
  constructor(eras: readonly Era[]) {
    this.all = eras
  }

  static starting(zeroTime: number, batchMs: number): TimeGrid {
    return new TimeGrid([{ zeroTime, batchMs, after: Number.NEGATIVE_INFINITY }])
  }

  get eras(): readonly Era[] {
    return this.all
  }

  /** That of the batches to come. */
  get newest(): Era {
    return this.all.at(-1)!
  }

  /** There are no batches up to it. */
  get zeroTime(): number {
    return this.all[0]!.zeroTime
  }

  /** The same times, and then those of another interval, once {@link begin} says from when. */
  changedTo(batchMs: number): TimeGrid {
    // Batch times are multiples of their interval, and those of slides stay what they were where that is possible.
    const zeroTime = Math.floor(this.newest.zeroTime / batchMs) * batchMs
    return new TimeGrid([...this.all, { zeroTime, batchMs, after: Number.POSITIVE_INFINITY }])
  }

  /** The era that has not begun does, after the last batch of the one before. */
  begin(last: number): void {
    const { newest } = this
    if (newest.after !== Number.POSITIVE_INFINITY) return
    const older = this.all.slice(0, -1).filter(({ after }) => after < last)
    this.all = [...older, { ...newest, after: older.length === 0 ? Number.NEGATIVE_INFINITY : last }]
  }

  /** Without eras that have no time later than `time`. */
  since(time: number): readonly Era[] {
    return this.all.filter((_, i) => (this.all[i + 1]?.after ?? Number.POSITIVE_INFINITY) > time)
  }

  eraOf(time: number): Era {
    return this.all[this.indexOf(time)]!
  }

  isValid(time: number, slideIn: SlideIn): boolean {
    if (time <= this.zeroTime) return false
    const era = this.eraOf(time)
    return (time - era.zeroTime) % slideIn(era) === 0
  }

  /** The latest time before this one; before the first one, a whole slide earlier. */
  before(time: number, slideIn: SlideIn): number {
    let upTo = time - 1
    for (let i = this.indexOf(time); ; i--) {
      const era = this.all[i]!
      const slide = slideIn(era)
      const found = upTo - modulo(upTo - era.zeroTime, slide)
      if (found > era.after || i === 0) return found
      upTo = era.after
    }
  }

  /** The earliest time after this one. */
  next(time: number, slideIn: SlideIn): number {
    const after = Math.max(time, this.zeroTime)
    for (let i = this.indexOf(after + 1); ; i++) {
      const era = this.all[i]!
      const slide = slideIn(era)
      const from = Math.max(after, era.after)
      const found = from + slide - modulo(from - era.zeroTime, slide)
      if (found <= (this.all[i + 1]?.after ?? Number.POSITIVE_INFINITY)) return found
    }
  }

  /** The times later than `after`, up to `upTo`. */
  within(after: number, upTo: number, slideIn: SlideIn): number[] {
    const times: number[] = []
    for (let time = this.next(after, slideIn); time <= upTo; time = this.next(time, slideIn)) times.push(time)
    return times
  }

  private indexOf(time: number): number {
    let i = this.all.length - 1
    while (i > 0 && this.all[i]!.after >= time) i--
    return i
  }
}

/** Batches themselves. */
export const everyBatch: SlideIn = ({ batchMs }) => batchMs

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b
}
