/** What `kindling --help` prints. */
export const HELP: string = `kindling: streams as small batches, in one Node process

  kindling run [options] FILE [arguments]   run a program (.ts, .js, .mts, .mjs)
  kindling doctor                           look at this machine and what loads on it
  kindling --help | --version

Options of run, before the file:
  --master M       where tasks run: local, local[N], local[*], local[N,F]
  --conf KEY=VALUE a setting, for example spark.streaming.blockInterval=100ms; may be repeated
  --for DURATION   stop gracefully after this time: 10s, 5m
  -v, --verbose    tell what the engine does, on standard error

What the program itself sets wins over --master and --conf. Ctrl-C stops gracefully: everything received so far is
processed, then a summary is printed; a second Ctrl-C stops at once.
`
