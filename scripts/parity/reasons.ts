/** Why some operations have no counterpart, in the order in which docs/parity.md numbers them. */
import type { ReasonName } from './table.ts'

/** What each reason says. */
export const reasons: Readonly<Record<ReasonName, string>> = {
  jvm: 'It belongs to the JVM: class tags, serializers, Java collections, jar files, exit codes of `System.exit`. There is nothing of the kind in Node.',
  hadoop:
    "It takes Hadoop's Java classes (Writable keys and values, InputFormat, OutputFormat, JobConf). Text, binary records, NDJSON, Parquet and object files have methods of their own: `textFile`, `wholeTextFiles`, `binaryFiles`, `binaryRecords`, `objectFile`, `saveAsTextFile`, `saveAsNDJSONFile`, `saveAsParquetFile`, `saveAsObjectFile`; `fromPartitions` reads any other format.",
  'one-process':
    'It manages executors, their resources or what is shipped to them. Tasks run in the process of the program, which reads its own files and modules.',
  'own-node':
    'It is what Spark calls to compute its own subclasses. Lineage is data here; RDDs of your own are made by `sc.fromPartitions`, streams of your own by `ssc.inputStream` with an `InputSource`.',
  'at-hand': 'The program holds the object already: it made it, or was given it with the call.',
  'one-form':
    'It is a second spelling for the sake of Scala, Java or an older version; the first one stands in this table.',
  'no-slots':
    'It schedules tasks that must run at the same time, or shows what the scheduler holds at a moment. All tasks share one process. Pools are there, by the keys `spark.scheduler.mode`, `spark.scheduler.allocation.file` and `spark.scheduler.pool`.',
  'no-web-ui': 'It serves the web pages of Spark.',
  'whole-batches':
    'A stream is made of batches, and a batch is not cut short: to give up work in progress, cancel the jobs (`cancelJobGroup`, `cancelJobsWithTag`) or stop the context.',
}
