/** What cannot go to another thread, how it is named, and what to do instead. */
import { types } from 'node:util'
import { engineKind } from '../../base/engine-kind.ts'
import type { Outer } from './source-walk.ts'

/** Why something stays behind. */
export interface Refusal {
  /** With its article: 'a promise'. */
  readonly type: string
  /** A sentence. */
  readonly advice: string
}

const MAKE_IT_THERE =
  'Make it where it is used, inside the function given to mapPartitions or foreachPartition.'
const USE_DATA = 'Use the data behind it.'

/** Objects of which no copy can be made, by what they are. `undefined` for all others. */
export function refusalOf(value: object): Refusal | undefined {
  const kind = engineKind(value)
  switch (kind) {
    case 'RDD':
      return {
        type: 'an RDD',
        advice:
          'RDDs are used by the program, not by tasks: join the two, or collect one and share it with sc.broadcast.',
      }
    case 'DStream':
      return {
        type: 'a DStream',
        advice: 'Streams are combined by the program: use join, cogroup or transformWith.',
      }
    case 'SparkContext':
    case 'StreamingContext':
      return {
        type: `a ${kind}`,
        advice:
          'Contexts are used by the program, not by tasks: do it outside, or in transform or foreachRDD.',
      }
    default:
  }
  if (types.isProxy(value)) return { type: 'a Proxy', advice: 'Use the object behind it.' }
  if (types.isPromise(value)) return { type: 'a promise', advice: 'Await it before, and use its result.' }
  if (types.isWeakMap(value)) return { type: 'a WeakMap', advice: 'Use a Map whose keys are data.' }
  if (types.isWeakSet(value)) return { type: 'a WeakSet', advice: 'Use a Set of data.' }
  if (types.isGeneratorObject(value) || types.isMapIterator(value) || types.isSetIterator(value))
    return { type: 'an iterator', advice: 'Make an array of it before, or iterate inside the function.' }
  if (types.isModuleNamespaceObject(value))
    return { type: 'a module', advice: 'Import it by an import statement of the file of the function.' }
  if (types.isAnyArrayBuffer(value) && !types.isArrayBuffer(value))
    return { type: 'shared memory', advice: 'Share it with sc.broadcast.' }
  if (ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer))
    return { type: 'a view on shared memory', advice: 'Copy it, or share it with sc.broadcast.' }
  if (types.isBoxedPrimitive(value)) return { type: 'a boxed primitive', advice: USE_DATA }
  if (types.isArgumentsObject(value)) return { type: 'an arguments object', advice: 'Use [...arguments].' }
  if (types.isExternal(value)) return { type: 'a native handle', advice: MAKE_IT_THERE }
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  if (tag === 'WeakRef' || tag === 'FinalizationRegistry')
    return { type: `a ${tag}`, advice: 'Use the object itself, where it is data.' }
  return undefined
}

/** An instance whose class cannot be made again. */
export function instanceRefusal(className: string, reason: string, isOfNode: boolean): Refusal {
  const type = `an instance of ${className === '' ? 'a class without a name' : className}${reason}`
  if (isOfNode) return { type, advice: MAKE_IT_THERE }
  return {
    type,
    advice: 'Give its class a codec with registerClass, use plain data, or make it inside the function.',
  }
}

/** What stands for the surroundings of a function, and not for a variable. */
export function outerRefusal(what: Outer | `#${string}`): Refusal {
  switch (what) {
    case 'this':
      return {
        type: 'the object around the function',
        advice: 'Put what you need of it into a const before: const { rate } = this.',
      }
    case 'super':
      return { type: 'the class around the function', advice: 'Call it outside, and use its result.' }
    case 'arguments':
    case 'new.target':
      return {
        type: 'of the call around the function',
        advice: 'Put what you need of it into a const before.',
      }
    case 'import.meta':
      return {
        type: 'of the module around the function',
        advice: 'Put what you need of it into a const before: const { dirname } = import.meta.',
      }
    case 'eval':
    case 'with':
      return {
        type: 'a way to reach variables that cannot be foreseen',
        advice: 'Name the variables that you need.',
      }
    default:
      return {
        type: 'private to the class around the function',
        advice: 'Put its value into a const before, and use that.',
      }
  }
}
