/**
 * Numbers that make samples repeatable: the n-th use of a place in the program, in the same batch if any, draws the same in every run.
 */
import { hashString } from '../data/hash.ts'

/** Places, each in a batch, whose uses are counted. */
const MAX_PLACES = 4096

/** See the file head. */
export class Seeds {
  private readonly given = new Map<string, number>()

  /** The next number of a place. */
  next(operator: string, batchTime: number | undefined): number {
    const place = `${operator} ${batchTime ?? ''}`
    const nth = this.given.get(place) ?? 0
    // Put last again: what goes first was not used for longest.
    this.given.delete(place)
    this.given.set(place, nth + 1)
    if (this.given.size > MAX_PLACES) this.given.delete(this.given.keys().next().value!)
    return hashString(`${place} ${nth}`) >>> 0
  }
}
