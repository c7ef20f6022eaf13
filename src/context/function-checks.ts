/**
 * Warns of functions that could not run in worker threads, where tasks run on this thread and nothing would tell. So moving to
 * threads is no surprise.
 *
 *   after a job   the functions of operators not seen before are put on a list (cost: a look at each new lineage node)
 *   in idle time  one function of the list is looked at in each turn of the event loop: 1 ms, a few more for a new file
 *   at the end    what is left is looked at then
 */
import { asError, isKindlingError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { type Node, parentsOf } from '../rdd/nodes.ts'
import type { JobRequest } from '../rdd/ports.ts'
import { describeScope, type OperatorScope } from '../rdd/scope.ts'

/** Functions that wait; a program that defines more at once is warned of some of them later, or not. */
const MAX_WAITING = 200
/** So many functions in a row from lines that were looked at before: the program has no others, and is left alone from then on. */
const MAX_REPEATS = 1000
/** Lines and warnings that are remembered. */
const MAX_KNOWN = 2000

interface Waiting {
  readonly f: object
  readonly scope: OperatorScope
}

/** See the file head. */
export class FunctionChecks {
  private readonly logger: Logger
  private readonly seenNodes = new WeakSet<Node>()
  private readonly seenScopes = new WeakSet<OperatorScope>()
  private readonly seenPlaces = new Set<string>()
  private readonly told = new Set<string>()
  private readonly waiting: Waiting[] = []
  private repeats = 0
  private running: Promise<void> | undefined

  constructor(logger: Logger) {
    this.logger = logger
  }

  /** Called when a job has ended. */
  note(request: Pick<JobRequest<unknown>, 'node' | 'sink' | 'scope'>): void {
    if (this.repeats > MAX_REPEATS) return
    const scopes = new Set<OperatorScope>()
    const add = (functions: object, scope: OperatorScope): void => {
      if (this.seenScopes.has(scope)) return
      scopes.add(scope)
      for (const f of Object.values(functions) as unknown[])
        if (typeof f === 'function' && this.waiting.length < MAX_WAITING) this.waiting.push({ f, scope })
    }
    add(request.sink, request.scope)
    const open: Node[] = [request.node]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.seenNodes.has(node)) continue
      this.seenNodes.add(node)
      if (node.kind === 'narrow') add(node.step, node.scope)
      else if (node.kind === 'zip') add({ f: node.f }, node.scope)
      else if (node.kind === 'shuffle' && node.result.as === 'combined')
        add(node.result.aggregator, node.scope)
      const { narrow, shuffled } = parentsOf(node)
      open.push(...narrow, ...shuffled.map(input => input.node))
    }
    for (const scope of scopes) this.seenScopes.add(scope)
    if (this.waiting.length > 0) this.running ??= this.inIdleTime()
  }

  /** Looks at what is left. */
  finish(): Promise<void> {
    return this.lookAtAll(() => undefined)
  }

  private async inIdleTime(): Promise<void> {
    // A program that has nothing else to do ends: its context looks at the rest when it is stopped.
    const turn = (): Promise<void> =>
      new Promise(resolve => {
        setImmediate(resolve).unref()
      })
    await turn()
    await this.lookAtAll(turn)
    this.running = undefined
  }

  /** @param between awaited after each function */
  private async lookAtAll(between: () => Promise<void> | undefined): Promise<void> {
    if (this.waiting.length === 0) return
    try {
      const check = await loadCheck()
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
        this.look(next, check)
        await between()
      }
    } catch (error) {
      // Nothing depends on it: the program goes on without warnings.
      this.waiting.length = 0
      this.logger.debug('functions could not be looked at', { error: asError(error) })
    }
  }

  private look({ f, scope }: Waiting, check: Check): void {
    const { location } = scope.site
    if (location === undefined) return
    const place = `${location}`
    const text = `${place} ${Function.prototype.toString.call(f)}`
    if (this.seenPlaces.has(text)) {
      this.repeats++
      return
    }
    this.repeats = 0
    remember(this.seenPlaces, text)
    for (const error of check(f, location.file)) {
      if (!isKindlingError(error)) {
        this.logger.debug('a function could not be looked at', { error: asError(error) })
        continue
      }
      const message = `${describeScope(scope)} would not run in worker threads: ${error.message}`
      if (this.told.has(message)) continue
      remember(this.told, message)
      this.logger.warn(message, { code: error.code })
    }
  }
}

type Check = (f: object, file: string) => unknown[]

/** Loaded when it is first needed: with the parser it takes some ms. */
async function loadCheck(): Promise<Check> {
  const [{ checkCapture }, { functionsOfFile }] = await Promise.all([
    import('../rdd/functions/capture-function.ts'),
    import('../rdd/functions/user-functions.ts'),
  ])
  return (f, file) => {
    const errors: unknown[] = []
    for (const one of functionsOfFile(f, file)) {
      try {
        checkCapture(one, file)
      } catch (error) {
        errors.push(error)
      }
    }
    return errors
  }
}

function remember(known: Set<string>, text: string): void {
  if (known.size >= MAX_KNOWN) known.delete(known.values().next().value!)
  known.add(text)
}
