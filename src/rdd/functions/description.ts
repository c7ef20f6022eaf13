/**
 * A function as plain data: what `captureFunction` gives and `revive` takes. Structured clone and the codec both carry it.
 *
 * It is a table of parts that refer to each other by index, so what is shared or cyclic stays so. `root` is the function.
 */

/** A primitive as it is, or a reference to a part. */
export type Slot = string | number | boolean | bigint | null | undefined | Reference

/** A part of the table. */
export interface Reference {
  readonly ref: number
}

/** A function and all that it needs. */
export interface FunctionDescription {
  /** The form of this description. */
  readonly version: 1
  readonly root: number
  /** The program that must not be loaded again: its path without ending. */
  readonly entry: string | undefined
  readonly scripts: readonly ScriptDescription[]
  readonly parts: readonly Part[]
}

/** A file that functions come from. */
export interface ScriptDescription {
  /** As stack traces name it: a file URL or a path. */
  readonly url: string
  /** Where the script says that its source map is, or `''`: only told where stack traces are to be mapped. */
  readonly sourceMap: string
}

/** Where a function's text begins. */
export interface FunctionPlace {
  /** Index of the script; -1 when it is not known, as of functions without free variables: see {@link FunctionPart.id}. */
  readonly script: number
  /** 0-based. */
  readonly line: number
  /** 0-based. */
  readonly column: number
}

/** A function or class by source. */
export interface FunctionPart extends FunctionPlace {
  readonly kind: 'function'
  /**
   * Which function of the capturing thread it is. Classes are made once per thread and id, so that `instanceof` holds across
   * functions; and stack traces of functions without a place name it.
   */
  readonly id: number
  readonly form: 'expression' | 'method' | 'get' | 'set'
  readonly isClass: boolean
  readonly isStrict: boolean
  readonly name: string
  readonly text: string
  /** Free variables and their values; the first `eager` of them must be there before a class can be made. */
  readonly names: readonly string[]
  readonly values: readonly Slot[]
  readonly eager: number
  /** Offsets of `import(…)` in the text. */
  readonly dynamicImports: readonly number[]
  /** Own fields of the function, and of an old-style constructor's prototype. */
  readonly fields: Fields
  readonly prototypeFields: Fields
}

/** Own fields by name. */
export interface Fields {
  readonly names: readonly string[]
  readonly values: readonly Slot[]
  /** Getters and setters: [name, getter, setter]. */
  readonly accessors?: readonly (readonly [string, Slot, Slot])[]
}

/** What an entry of the table is. */
export type Part =
  | FunctionPart
  | {
      readonly kind: 'object'
      readonly fields: Fields
      readonly hasPrototype: boolean
      readonly isFrozen: boolean
    }
  /** `holes` are the indexes that have no item. */
  | {
      readonly kind: 'array'
      readonly items: readonly Slot[]
      readonly holes: readonly number[]
      readonly isFrozen: boolean
    }
  /** Keys and values in turn. */
  | { readonly kind: 'map' | 'set'; readonly items: readonly Slot[] }
  | { readonly kind: 'date'; readonly time: number }
  | {
      readonly kind: 'regexp'
      readonly source: string
      readonly flags: string
      readonly lastIndex: number
    }
  | {
      readonly kind: 'error'
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      /** One item, or none. */
      readonly cause: readonly Slot[]
      readonly errors: readonly Slot[] | undefined
      readonly fields: Fields
    }
  /** `type` is an index into the codec's kinds of bytes. */
  | { readonly kind: 'bytes'; readonly type: number; readonly bytes: Uint8Array }
  | { readonly kind: 'instance'; readonly class: Slot; readonly fields: Fields }
  /** An instance of a registered class: what its `encode` gave, and the function that makes it again. */
  | { readonly kind: 'decoded'; readonly decode: Slot; readonly data: Slot }
  /** A symbol: `Symbol.iterator` by its name there, others by their key in the registry. */
  | { readonly kind: 'symbol'; readonly wellKnown: boolean; readonly key: string }
  /** Something built in, by its path from the global object. */
  | { readonly kind: 'global'; readonly path: readonly string[] }
  /** Something of a module of Node, by its path in there. */
  | { readonly kind: 'builtin'; readonly module: string; readonly path: readonly string[] }
  /** What a module exports, seen from the file `from`; `'*'` is the namespace. */
  | {
      readonly kind: 'import'
      readonly specifier: string
      readonly from: string
      readonly name: string
      readonly attributes: Readonly<Record<string, string>>
    }
  /** What a CommonJS module exports, by its path in there; without `file`, the `require` of the file `from`. */
  | {
      readonly kind: 'require'
      readonly from: string
      readonly file: string | undefined
      readonly path: readonly string[]
    }
  | { readonly kind: 'broadcast' | 'accumulator'; readonly id: number }

/** A part by its kind. */
export type PartOf<K extends Part['kind']> = Extract<Part, { readonly kind: K }>
