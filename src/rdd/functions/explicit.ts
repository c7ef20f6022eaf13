/** Functions whose captured values the program names itself. */

const given = new WeakMap<object, Readonly<Record<string, unknown>>>()

/**
 * The same function, with the values of the variables that it uses: what they are when `capture` is called is what workers get.
 *
 * Functions go to worker threads with what they use, which the engine finds by itself with Node's inspector. Where that is
 * missing (under `--permission`, or in a Node built without it), name the variables here.
 *
 * @param values by the names that the function uses
 * @returns `f` itself
 * @example
 * const factor = 3
 * await sc.parallelize([1, 2]).map(capture({ factor }, (x: number) => x * factor)).collect() // => [3, 6]
 */
export function capture<F extends (...args: never[]) => unknown>(
  values: Readonly<Record<string, unknown>>,
  f: F,
): F {
  given.set(f, { ...values })
  return f
}

/** What {@link capture} was given with a function. */
export function explicitValues(f: object): Readonly<Record<string, unknown>> | undefined {
  return given.get(f)
}
