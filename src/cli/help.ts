/** What `kindling --help` prints. */
export const HELP: string = `kindling: streams as small batches, in one Node process

  kindling run [options] FILE [arguments]   run a program (.ts, .js, .mts, .mjs)
  kindling checkpoint show DIR              what a program has saved; also: plan, export, compact
  kindling doctor                           look at this machine and what loads on it
  kindling --help | --version

Options of run, before the file:
  --master M       where tasks run: local, local[N], local[*], local[N,F]
  --conf KEY=VALUE a setting, for example spark.streaming.blockInterval=100ms; may be repeated
  --for DURATION   stop gracefully after this time: 10s, 5m
  --deadline D     how long a graceful stop may take; else spark.streaming.gracefulStopTimeout, or ten batch intervals
  -v, --verbose    tell what the engine does, on standard error

What the program itself sets wins over --master and --conf. Ctrl-C and SIGTERM stop gracefully: everything received so
far is processed, then a summary is printed; a second one stops at once.

Ends with 0 when the program ended, or stopped with everything processed; 1 when it failed; 2 when the command is wrong;
4 when the deadline of a graceful stop was over before everything was processed; 130 after a second Ctrl-C, 143 after a
second SIGTERM.
`

/** What `kindling checkpoint --help` prints. */
export const CHECKPOINT_HELP: string = `kindling checkpoint: look at what a program has saved in its checkpoint directory

  kindling checkpoint show DIR [--json]
      what is there: batches, inputs, operators, sizes, damaged files
  kindling checkpoint plan DIR APP.ts [--allow-drop] [--master M] [--conf KEY=VALUE] [--json] [-- arguments]
      what a changed program would keep, drop or begin anew; it is loaded up to its start(), and nothing runs.
      Ends with 0 when all is kept, with 3 when something is dropped or the program is refused
  kindling checkpoint export DIR OPERATOR --out FILE [--at TIME] [--format ndjson|parquet] [--import MODULE]
      the state of an operator: keys and values, from the newest image or that of a time (ms, or ISO 8601);
      MODULE registers the classes of what is saved
  kindling checkpoint compact DIR [--force]
      deletes what no restart needs, when the program has ended; --force: when you know that it has

All but compact change nothing, and may be used while the program runs.
`
