/** Where a batch of files goes. */

/** `prefix-TIMEMS.suffix`; an empty prefix or suffix is left out. @source Spark StreamingContext.rddToFileName */
export function batchDirectory(prefix: string, suffix: string, batchTime: number | string): string {
  const name = prefix === '' ? String(batchTime) : `${prefix}-${batchTime}`
  return suffix === '' ? name : `${name}.${suffix}`
}
