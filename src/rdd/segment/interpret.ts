/**
 * The same segment without generated code: where code generation is forbidden, and as the oracle of the compiled form.
 *
 * A stack holds the open `flatMap` results, the deepest last. Each turn takes one element from the deepest one that still has
 * any, else from the chunk, and carries it through the steps after that level until a `flatMap` opens a new level, a filter
 * drops it, or the sink takes it.
 */
import type { Chunk } from '../../data/chunk.ts'
import { DONE, FULL, PAUSED, type RunResult, type Segment, type SegmentControl } from './control.ts'
import type { FusedStep, InputKind, Sink } from './plan.ts'

interface Level {
  readonly iterator: Iterator<unknown>
  /** The index of the step after the flatMap. */
  readonly next: number
  /** The key, when values of a pair were expanded. */
  readonly key: unknown
  readonly paired: boolean
}

type AnyFunction = (...args: unknown[]) => unknown

/** Runs steps one by one; see the file head. */
export class InterpretedSegment implements Segment {
  private readonly steps: readonly FusedStep[]
  private readonly sink: Sink
  private readonly control: SegmentControl
  private readonly levels: Level[] = []
  private input: Iterator<unknown> = [][Symbol.iterator]()
  private op = 0

  constructor(_input: InputKind, steps: readonly FusedStep[], sink: Sink, control: SegmentControl) {
    this.steps = steps
    this.sink = sink
    this.control = control
  }

  load(chunk: Chunk): void {
    this.input = recordsOf(chunk)
  }

  run(): RunResult {
    const { control, levels, sink } = this
    for (;;) {
      if (sink.kind === 'rows' && sink.rows.length >= sink.limit) return FULL
      if (--control.budget <= 0 && control.tick(this.op) <= 0) return PAUSED
      const level = levels.at(-1)
      let record: unknown
      try {
        if (level !== undefined) this.op = level.next - 1
        const next = (level?.iterator ?? this.input).next()
        if (next.done) {
          if (level === undefined) return DONE
          levels.pop()
          continue
        }
        record = level?.paired ? [level.key, next.value] : next.value
        this.carry(record, level?.next ?? 0)
      } catch (error) {
        throw control.failed(error, this.op, record)
      }
    }
  }

  close(): void {
    for (const level of this.levels.splice(0).reverse()) level.iterator.return?.()
  }

  private call(op: number, f: AnyFunction, ...args: unknown[]): unknown {
    this.op = op
    const result = f(...args)
    if (result instanceof Promise) this.control.promiseReturned(op)
    return result
  }

  private pair(record: unknown, op: number): readonly unknown[] {
    if (!Array.isArray(record)) this.control.notPair(record, op)
    return record as readonly unknown[]
  }

  private carry(record: unknown, from: number): void {
    let value = record
    for (let i = from; i < this.steps.length; i++) {
      const { step } = this.steps[i]!
      const f = step.f as AnyFunction
      switch (step.op) {
        case 'map':
          value = this.call(i, f, value)
          break
        case 'filter':
          if (!this.call(i, f, value)) return
          break
        case 'keyBy':
          value = [this.call(i, f, value), value]
          break
        case 'mapValues': {
          const [key, x] = this.pair(value, i)
          value = [key, this.call(i, f, x)]
          break
        }
        case 'flatMap':
        case 'flatMapValues': {
          const paired = step.op === 'flatMapValues'
          const pair = paired ? this.pair(value, i) : undefined
          this.op = i
          const many = f(pair === undefined ? value : pair[1])
          const iterator = Array.isArray(many) ? many[Symbol.iterator]() : this.control.iterate(many, i)
          this.levels.push({ iterator, next: i + 1, key: pair?.[0], paired })
          return
        }
      }
    }
    this.take(value)
  }

  private take(record: unknown): void {
    const { sink } = this
    const op = this.steps.length
    switch (sink.kind) {
      case 'rows':
        sink.rows.push(record)
        break
      case 'count':
        sink.count++
        break
      case 'fold':
        sink.value = sink.empty ? record : this.call(op, sink.f as AnyFunction, sink.value, record)
        sink.empty = false
        break
      case 'combine': {
        const [key, value] = this.pair(record, op)
        this.op = op
        const slot = sink.table.slotOf(key)
        if (slot !== undefined)
          sink.table.values[slot] = this.call(op, sink.merge as AnyFunction, sink.table.values[slot], value)
        else if (sink.overflow !== undefined && sink.table.isFull) sink.overflow(key, value)
        else {
          const made =
            sink.create === undefined ? value : this.call(op + 1, sink.create as AnyFunction, value)
          sink.table.insert(key)
          sink.table.values.push(made)
        }
        break
      }
      case 'scatter': {
        const [key, value] = this.pair(record, op)
        this.op = op
        const at = sink.partition(key)
        sink.keys[at]!.push(key)
        sink.values[at]!.push(value)
        break
      }
    }
  }
}

/** The records of any chunk, one by one. */
export function* recordsOf(chunk: Chunk): Generator<unknown, undefined> {
  switch (chunk.kind) {
    case 'rows':
      yield* chunk.rows
      break
    case 'pairs':
      for (let i = 0; i < chunk.keys.length; i++) yield [chunk.keys[i], chunk.values[i]]
      break
    case 'text':
      for (let i = 0; i < chunk.text.length; ) {
        const end = chunk.text.indexOf('\n', i)
        yield chunk.text.slice(i, end)
        i = end + 1
      }
      break
  }
  return undefined
}
