/**
 * Which stages and values a thread has. Those used longest ago are forgotten: a program that makes functions anew in each batch
 * must not fill its workers.
 */
import type { SentValue } from './sent-values.ts'

const MAX_STAGES = 64
/** Values that no stage uses any more, for the stages of the next batches. */
const MAX_SPARE_VALUES = 512

/** See the file head. */
export class SentStages {
  private readonly stages = new Map<number, readonly SentValue[]>()
  /** How many stages use a value. */
  private readonly uses = new Map<number, number>()
  /** Values without a stage, the one left longest ago first. */
  private readonly spare = new Set<number>()

  has(stage: number): boolean {
    const values = this.stages.get(stage)
    if (values === undefined) return false
    // Put last again: what goes first was not used for longest.
    this.stages.delete(stage)
    this.stages.set(stage, values)
    return true
  }

  hasValue(id: number): boolean {
    return this.uses.has(id) || this.spare.has(id)
  }

  add(stage: number, values: readonly SentValue[]): void {
    this.stages.set(stage, values)
    for (const { id } of values) {
      this.uses.set(id, (this.uses.get(id) ?? 0) + 1)
      this.spare.delete(id)
    }
  }

  /** What is to be forgotten now. */
  overdue(): { readonly stages: number[]; readonly values: number[] } {
    const stages: number[] = []
    for (const [stage, values] of this.stages) {
      if (this.stages.size <= MAX_STAGES) break
      this.stages.delete(stage)
      stages.push(stage)
      for (const { id } of values) {
        const left = this.uses.get(id)! - 1
        if (left > 0) this.uses.set(id, left)
        else {
          this.uses.delete(id)
          this.spare.add(id)
        }
      }
    }
    const values: number[] = []
    for (const id of this.spare) {
      if (this.spare.size <= MAX_SPARE_VALUES) break
      this.spare.delete(id)
      values.push(id)
    }
    return { stages, values }
  }
}
