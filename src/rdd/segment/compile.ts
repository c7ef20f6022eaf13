/**
 * Neighbouring steps as one generated loop.
 *
 * In: the kind of input chunks, fused steps, a sink. Out: a factory of segments, one for each task.
 * 1. each operator contributes a few lines of source, given the register that holds the record (a row, or key and value apart);
 * 2. a `flatMap` opens a loop level: its array, index and iterator are part of the segment's position;
 * 3. the position lives in local variables while the loop runs and is put away whenever it returns, so that a segment resumes
 *    at any record, also inside what a `flatMap` gave.
 *
 *   level 0   for(;;) { level 1; fetch from the chunk; operators; open level 1 }
 *   level 1             for(;;) { fetch from the array or iterator; operators; sink }
 *
 * I1  The text is unique for each pipeline: V8 shares type feedback between functions of identical source, and one polymorphic
 *     user would make all slow. It is the same for all batches of one pipeline, so it is compiled once.
 * I2  Before a user function is called, `o` holds its operator index: what it throws is reported with its line.
 * Cost: about 40 µs a pipeline, once; nothing is allocated for each record.
 */
import { PINNING_LENGTH } from '../../data/key-table.ts'
import { describeScope } from '../scope.ts'
import type { Segment, SegmentControl } from './control.ts'
import { type FusedStep, functionsOf, type InputKind, operatorsOf, type Sink } from './plan.ts'

/** Makes a segment of a compiled pipeline for one task. */
export type SegmentFactory = (
  functions: readonly ((...args: never[]) => unknown)[],
  sink: Sink,
  control: SegmentControl,
) => Segment

const MAX_PIPELINES = 512
const compiled = new Map<string, SegmentFactory>()
const sources = new WeakMap<(...args: never[]) => unknown, string>()
let nextPipeline = 0

/** How many pipelines have been compiled in this process; stays flat once every operator chain has been seen. */
export function compiledPipelines(): number {
  return nextPipeline
}

/** The factory for a chain of operators, compiled at its first use. */
export function compileSegment(input: InputKind, steps: readonly FusedStep[], sink: Sink): SegmentFactory {
  const key = pipelineKey(input, steps, sink)
  let factory = compiled.get(key)
  if (factory !== undefined) {
    // Re-inserted, so that the first entry is always the least recently used one.
    compiled.delete(key)
    compiled.set(key, factory)
    return factory
  }
  const id = nextPipeline++
  const text = new Emitter(input, steps, sink).text(id)
  factory = new Function(`${text}\n//# sourceURL=kindling-pipeline-${id}.js`)() as SegmentFactory
  compiled.set(key, factory)
  if (compiled.size > MAX_PIPELINES) compiled.delete(compiled.keys().next().value as string)
  return factory
}

/** Functions made anew in each batch have the same place and text, and so hit the same pipeline. */
function pipelineKey(input: InputKind, steps: readonly FusedStep[], sink: Sink): string {
  let key = input
  for (const { step, scope } of steps) key += `\n${step.op}@${scope.site}:${sourceOf(step.f)}`
  key += `\n>${sink.kind}`
  const rest = functionsOf([], sink)
  const scopes = operatorsOf([], sink)
  for (let i = 0; i < rest.length; i++) key += `@${scopes[i]?.site}:${sourceOf(rest[i]!)}`
  if (sink.kind === 'combine') key += sink.create === undefined ? '' : '+create'
  return key
}

function sourceOf(f: (...args: never[]) => unknown): string {
  let text = sources.get(f)
  if (text === undefined) {
    text = Function.prototype.toString.call(f)
    sources.set(f, text)
  }
  return text
}

/** Where the record is: in one variable, or as key and value in two. */
type Register = Row | { readonly key: string; readonly value: string }

interface Row {
  readonly row: string
  /** The operator that gave it, where nobody has looked yet whether it is a promise. */
  readonly unchecked?: number
}

function promiseCheck(value: string, op: number): string {
  return `if (typeof ${value} === 'object' && ${value} instanceof Promise) control.promiseReturned(${op})`
}

class Emitter {
  private readonly input: InputKind
  private readonly steps: readonly FusedStep[]
  private readonly sink: Sink
  private readonly levels: number
  private variables = 0

  constructor(input: InputKind, steps: readonly FusedStep[], sink: Sink) {
    this.input = input
    this.steps = steps
    this.sink = sink
    this.levels = 1 + steps.filter(s => isFlat(s)).length
  }

  text(id: number): string {
    const chain = this.steps.map(s => s.step.op).join(' → ')
    const functions = functionsOf(this.steps, this.sink)
    const operators = operatorsOf(this.steps, this.sink)
    const head = [
      `// pipeline ${id}: ${this.input} → ${chain} → ${this.sink.kind}`,
      ...operators.map((scope, i) => `// f${i}: ${describeScope(scope).replace(/[\r\n\u2028\u2029]/g, ' ')}`),
      `'use strict'`,
      'return function pipeline(functions, sink, control) {',
      `const none = [], isArray = Array.isArray${functions.map((_, i) => `, f${i} = functions[${i}]`).join('')}`,
      ...this.sinkConstants(),
      ...this.positionVariables(),
    ]
    const elements = Array.from({ length: this.levels }, (_, k) => `e${k}`)
    const body = [
      'function run() {',
      `let b = control.budget, o = 0, ${elements.join(', ')}`,
      ...this.loadPosition(),
      ...this.sinkLocals(),
      'try {',
      ...this.level(0, 0),
      '} catch (error) {',
      this.savePosition(),
      `throw control.failed(error, o, ${this.failingElement()})`,
      '}',
      '}',
    ]
    return [
      ...head,
      this.loadFunction(),
      ...body,
      this.closeFunction(),
      'return { load, run, close }',
      '}',
    ].join('\n')
  }

  /** The loop of one level: first what lies deeper and is still open, then the next record of this level. */
  private level(k: number, from: number): string[] {
    const lines: string[] = ['for (;;) {']
    const flatAt = this.steps.findIndex((s, i) => i >= from && isFlat(s))
    if (flatAt >= 0) lines.push(...this.level(k + 1, flatAt + 1))
    lines.push(...(k === 0 ? this.fetchInput() : this.fetchFlat(k, from - 1)))
    let register: Register = k === 0 && this.input === 'pairs' ? { key: 'k0', value: 'e0' } : { row: `e${k}` }
    const opener = this.steps[from - 1]
    if (k > 0 && opener?.step.op === 'flatMapValues') register = { key: `p${k}`, value: `e${k}` }
    const to = flatAt < 0 ? this.steps.length : flatAt
    for (let i = from; i < to; i++) register = this.step(i, register, lines)
    if (flatAt >= 0) this.open(flatAt, k + 1, register, lines)
    else this.sinkLines(register, lines)
    lines.push('}')
    return lines
  }

  private pauseCheck(): string {
    return `if (--b <= 0 && (b = control.tick(o)) <= 0) { ${this.savePosition()} return 1 }`
  }

  private fetchInput(): string[] {
    switch (this.input) {
      case 'rows':
        return [`if (i >= n) { ${this.savePosition()} return 0 }`, this.pauseCheck(), 'e0 = rows[i++]']
      case 'pairs':
        return [
          `if (i >= n) { ${this.savePosition()} return 0 }`,
          this.pauseCheck(),
          'k0 = keys[i], e0 = values[i++]',
        ]
      case 'text':
        return [
          `if (i >= n) { ${this.savePosition()} return 0 }`,
          this.pauseCheck(),
          "const q = text.indexOf('\\n', i)",
          'e0 = text.slice(i, q); i = q + 1',
        ]
    }
  }

  private fetchFlat(k: number, opener: number): string[] {
    return [
      `if (i${k} >= n${k}) {`,
      `if (t${k} === undefined) break`,
      `o = ${opener}; const r = t${k}.next()`,
      `if (r.done) { t${k} = undefined; break }`,
      `a${k} = [r.value]; i${k} = 0; n${k} = 1`,
      '}',
      this.pauseCheck(),
      `e${k} = a${k}[i${k}++]`,
    ]
  }

  private fresh(): string {
    return `v${this.variables++}`
  }

  private boxed(register: Register): string {
    return 'row' in register ? register.row : `[${register.key}, ${register.value}]`
  }

  /** Key and value of the record; a row must be a tuple of at least two. */
  private unboxed(register: Register, op: number, lines: string[]): { key: string; value: string } {
    if ('key' in register) return register
    const key = this.fresh()
    const value = this.fresh()
    // A promise is no array: to look for it costs nothing here.
    const promise =
      register.unchecked === undefined ? '' : `${promiseCheck(register.row, register.unchecked)}; `
    lines.push(`if (!isArray(${register.row})) { ${promise}control.notPair(${register.row}, ${op}) }`)
    lines.push(`const ${key} = ${register.row}[0], ${value} = ${register.row}[1]`)
    return { key, value }
  }

  private call(op: number, argument: string, lines: string[]): string {
    const result = this.unchecked(op, argument, lines)
    lines.push(promiseCheck(result, op))
    return result
  }

  /** Calls an operator; whoever uses the result looks whether it is a promise. */
  private unchecked(op: number, argument: string, lines: string[]): string {
    const result = this.fresh()
    lines.push(`o = ${op}; const ${result} = f${op}(${argument})`)
    return result
  }

  /** Whether what takes the record after step `i` is given key and value apart. */
  private isUnboxedAfter(i: number): boolean {
    const next = this.steps[i + 1]?.step.op
    if (next === undefined) return this.sink.kind === 'combine' || this.sink.kind === 'scatter'
    return next === 'mapValues' || next === 'flatMapValues'
  }

  private step(i: number, register: Register, lines: string[]): Register {
    const { step } = this.steps[i]!
    switch (step.op) {
      case 'map':
        if (this.isUnboxedAfter(i))
          return { row: this.unchecked(i, this.boxed(register), lines), unchecked: i }
        return { row: this.call(i, this.boxed(register), lines) }
      case 'filter': {
        // The record itself goes on, so a tuple made for the test must be the one that goes on.
        let row = register
        if (!('row' in register)) {
          const box = this.fresh()
          lines.push(`const ${box} = ${this.boxed(register)}`)
          row = { row: box }
        }
        const keep = this.call(i, this.boxed(row), lines)
        lines.push(`if (!${keep}) continue`)
        return row
      }
      case 'keyBy': {
        const value = this.boxed(register)
        return { key: this.call(i, value, lines), value }
      }
      case 'mapValues': {
        const pair = this.unboxed(register, i, lines)
        return { key: pair.key, value: this.call(i, pair.value, lines) }
      }
      case 'flatMap':
      case 'flatMapValues':
        return register
    }
  }

  /** Calls a flatMap and opens its level; the deeper loop takes it from there. */
  private open(i: number, k: number, register: Register, lines: string[]): void {
    let argument: string
    if (this.steps[i]!.step.op === 'flatMapValues') {
      const pair = this.unboxed(register, i, lines)
      lines.push(`p${k} = ${pair.key}`)
      argument = pair.value
    } else argument = this.boxed(register)
    const result = this.fresh()
    lines.push(`o = ${i}; const ${result} = f${i}(${argument})`)
    lines.push(`if (isArray(${result})) { a${k} = ${result}; i${k} = 0; n${k} = ${result}.length }`)
    lines.push(`else { a${k} = none; i${k} = n${k} = 0; t${k} = control.iterate(${result}, ${i}) }`)
  }

  private sinkConstants(): string[] {
    switch (this.sink.kind) {
      case 'combine':
        return [
          'const table = sink.table, simple = table.simple, keyList = table.keys, combined = table.values',
        ]
      case 'scatter':
        return ['const outKeys = sink.keys, outValues = sink.values']
      default:
        return []
    }
  }

  private sinkLocals(): string[] {
    switch (this.sink.kind) {
      case 'rows':
        return ['const out = sink.rows, limit = sink.limit', 'if (out.length >= limit) return 2']
      case 'count':
        return ['let count = sink.count']
      case 'fold':
        return ['let value = sink.value']
      default:
        return []
    }
  }

  private sinkLines(register: Register, lines: string[]): void {
    const op = this.steps.length
    switch (this.sink.kind) {
      case 'rows':
        lines.push(`out.push(${this.boxed(register)})`)
        lines.push(`if (out.length >= limit) { ${this.savePosition()} return 2 }`)
        break
      case 'count':
        lines.push('count++')
        break
      case 'fold':
        lines.push(`if (sink.empty) { sink.empty = false; value = ${this.boxed(register)} } else {`)
        lines.push(`o = ${op}; value = f${op}(value, ${this.boxed(register)})`)
        lines.push(
          `if (typeof value === 'object' && value instanceof Promise) control.promiseReturned(${op})`,
        )
        lines.push('}')
        break
      case 'combine': {
        const { key, value } = this.unboxed(register, op, lines)
        lines.push(
          `const s = typeof ${key} === 'object' && ${key} !== null ? table.slotOf(${key}) : simple.get(${key})`,
          `if (s === undefined) if (sink.overflow !== undefined && keyList.length >= table.maxKeys) { o = ${op}; sink.overflow(${key}, ${value}) } else {`,
        )
        const made = this.sink.create === undefined ? value : this.call(op + 1, value, lines)
        lines.push(
          `o = ${op}`,
          // A short string needs no copy: what KeyTable.insert would do, without the call.
          `if (typeof ${key} === 'string' && ${key}.length < ${PINNING_LENGTH} && keyList.length < table.maxKeys) {`,
          `simple.set(${key}, keyList.length); keyList.push(${key})`,
          `} else table.insert(${key})`,
          `combined.push(${made})`,
        )
        lines.push('} else {', `o = ${op}; const m = f${op}(combined[s], ${value})`)
        lines.push(`if (typeof m === 'object' && m instanceof Promise) control.promiseReturned(${op})`)
        lines.push('combined[s] = m', '}')
        break
      }
      case 'scatter': {
        const { key, value } = this.unboxed(register, op, lines)
        lines.push(`o = ${op}; const at = f${op}(${key})`)
        lines.push(`outKeys[at].push(${key}); outValues[at].push(${value})`)
        break
      }
    }
  }

  private flatLevels(): number[] {
    return Array.from({ length: this.levels - 1 }, (_, k) => k + 1)
  }

  private positionVariables(): string[] {
    const chunk = {
      rows: 'let sRows = none',
      pairs: 'let sKeys = none, sValues = none',
      text: "let sText = ''",
    }
    return [
      `${chunk[this.input]}, sn0 = 0, si0 = 0`,
      ...this.flatLevels().map(k => `let sa${k} = none, si${k} = 0, sn${k} = 0, st${k}, sp${k}`),
    ]
  }

  private loadPosition(): string[] {
    const chunk = {
      rows: 'const rows = sRows',
      pairs: 'let k0; const keys = sKeys, values = sValues',
      text: 'const text = sText',
    }
    const locals = [chunk[this.input], 'const n = sn0', 'let i = si0']
    return [
      ...locals,
      ...this.flatLevels().map(
        k => `let a${k} = sa${k}, i${k} = si${k}, n${k} = sn${k}, t${k} = st${k}, p${k} = sp${k}`,
      ),
    ]
  }

  private savePosition(): string {
    const flat = this.flatLevels().map(
      k => `sa${k} = a${k}; si${k} = i${k}; sn${k} = n${k}; st${k} = t${k}; sp${k} = p${k};`,
    )
    const sink = { count: 'sink.count = count;', fold: 'sink.value = value;' } as Record<string, string>
    return `si0 = i; control.budget = b; ${flat.join(' ')} ${sink[this.sink.kind] ?? ''}`
  }

  private loadFunction(): string {
    const read = {
      rows: 'sRows = chunk.rows; sn0 = sRows.length',
      pairs: 'sKeys = chunk.keys; sValues = chunk.values; sn0 = sKeys.length',
      text: 'sText = chunk.text; sn0 = sText.length',
    }
    return `function load(chunk) { ${read[this.input]}; si0 = 0 }`
  }

  private closeFunction(): string {
    const close = this.flatLevels().map(
      k => `if (st${k} !== undefined) { const t = st${k}; st${k} = undefined; t.return?.() }`,
    )
    return `function close() { ${close.join('; ')} }`
  }

  /** The element that the failing operator's level works on: operators after the k-th flatMap see its element. */
  private failingElement(): string {
    let level = 0
    const bounds: { upTo: number; element: string }[] = []
    for (let i = 0; i < this.steps.length; i++)
      if (isFlat(this.steps[i]!)) bounds.push({ upTo: i, element: `e${level++}` })
    return bounds.map(b => `o <= ${b.upTo} ? ${b.element} : `).join('') + `e${level}`
  }
}

function isFlat(s: FusedStep): boolean {
  return s.step.op === 'flatMap' || s.step.op === 'flatMapValues'
}
