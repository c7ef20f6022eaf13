/** Rows that come one by one, in runs. */
const RUN_ROWS = 1000

/** Runs of at most a thousand. */
export async function* chunked<R>(rows: AsyncIterable<R> | Iterable<R>): AsyncGenerator<readonly R[]> {
  let run: R[] = []
  for await (const row of rows) {
    run.push(row)
    if (run.length < RUN_ROWS) continue
    yield run
    run = []
  }
  if (run.length > 0) yield run
}
