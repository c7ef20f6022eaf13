/**
 * The one table of everything that can go wrong for a user, or with the outside world.
 *
 * Each row: whose domain the error is in, whether trying again helps, the message with `{param}` places, and a text
 * for the reference page (docs/reference/errors.md is made from this table). Rows stand in alphabetical order.
 *
 * A message says what happened, to what, the offending value, and what to do. The place (job, stage, partition,
 * attempt, batch time, operator, source line) is added by KindlingError from the error's context.
 */

/** Who has to act: the user's program, the world outside the process, or the engine itself (a bug of ours). */
export type ErrorDomain = 'user' | 'external' | 'internal'

/**
 * What the engine may do by itself: nothing, try again after a pause, or compute the stage that made the lost data
 * once more.
 */
export type ErrorRetry = 'never' | 'backoff' | 'redo-stage'

/** One row of the table. */
export interface Condition {
  readonly domain: ErrorDomain
  readonly retry: ErrorRetry
  /** Sentence with `{param}` places, filled from the parameters that KindlingError is given. */
  readonly message: string
  /** When it happens and what to do, for the reference page. */
  readonly doc: string
}

/** Every condition by its code: a Condition each (errors.ts has the compiler check it). Add in alphabetical place. */
export const conditions = {
  ACTION_NOT_AWAITED: {
    domain: 'user',
    retry: 'never',
    message:
      'An action started inside foreachRDD ({site}) was not awaited. The batch waited for it all the same; write "await" before it, so that later lines see its result and its error reaches the callback.',
    doc: 'Every action started inside a foreachRDD callback belongs to its batch: the batch is complete only when all have settled, and a rejection fails it. This warning names the line of an action that the callback did not wait for.',
  },
  BATCH_NOT_SKIPPABLE: {
    domain: 'external',
    retry: 'never',
    message:
      'The batch at {time} has failed and cannot be skipped ({key}): {sink} {held} it already, by {output}. The program stops; after a restart the batch runs again, and that sink does not take it twice.',
    doc: 'With the failure policy skip, a batch that fails for good counts as one without records. That is offered only as long as no sink of exactly once has committed it: what is there cannot be taken back, and the other outputs would lack it for ever. Put outputs that may fail before those of exactly once, or see to what failed and start again.',
  },
  BATCH_TAKES_IN_EARLIER: {
    domain: 'user',
    retry: 'never',
    message:
      'The batch at {time} has failed and cannot be given up ({key}): {operator} takes in several batches at once, and fails without the records of this one, too: {reason}. The program stops; see to what failed, then start it again.',
    doc: 'With the failure policies skip and dead-letter a batch that fails for good counts as one without records. A window whose slide is longer than the batch interval takes in with it the records of batches before it, which have ended: when it fails by those, giving up the batch helps nothing, and giving up the others would take away what other outputs have.',
  },
  BLOCK_DAMAGED: {
    domain: 'external',
    retry: 'redo-stage',
    message: 'The bytes of a data block are damaged: {reason}.',
    doc: 'A block of records could not be decoded: it was cut off, changed, or written by another version or a machine of other byte order. The engine computes what it held again; if it stays, check the disk or network it came from.',
  },
  BLOCK_NOT_FOUND: {
    domain: 'internal',
    retry: 'redo-stage',
    message:
      'Block {block} is neither in memory nor on disk any more. It is computed again from its lineage.',
    doc: 'A stored block was asked for after it had been dropped. The engine recomputes what it held; if this reaches your program, the lineage could not give it back: raise the storage level or the remember duration.',
  },
  BLOCK_NOT_LOGGED: {
    domain: 'external',
    retry: 'backoff',
    message:
      'A block of {records} received records could not be written to the log at {place}, and is not accepted: {reason}.',
    doc: 'With spark.streaming.receiver.writeAheadLog.enable a received block counts only once it is in the checkpoint directory. This one is not: a receiver that acknowledges must not do so, and its source sends the records again. See to the storage; spark.streaming.receiver.blockStoreTimeout is how long a block may take, spark.streaming.receiver.writeAheadLog.maxFailures how often a write is tried.',
  },
  BLOCK_TOO_LARGE: {
    domain: 'user',
    retry: 'never',
    message: 'Records of one block come to more than {limit}. Use more partitions, or smaller records.',
    doc: 'The encoded records of one block must stay below 1 GiB, and 2^27 in number. A single record that large, or an array with billions of holes, gives this error too.',
  },
  BROADCAST_DESTROYED: {
    domain: 'user',
    retry: 'never',
    message:
      'Broadcast {id} was destroyed, so its value is gone. Call destroy() only after the last job that uses it, or make a new one with sc.broadcast.',
    doc: 'destroy() forgets the value of a broadcast for good. Where only the memory of workers is to be freed, call unpersist().',
  },
  CALL_TIMED_OUT: {
    domain: 'external',
    retry: 'backoff',
    message:
      'The function given to {operation} gave no result within {timeout} ({attempts}). Give it more time (timeout), more attempts (retries), or find out what it waits for.',
    doc: 'A call of the function of mapAsync took longer than its timeout, also when it was tried again. The signal that the function gets was aborted at that moment; pass it on (to fetch, for example), so that the call really ends.',
  },
  CAPTURE_REASSIGNED: {
    domain: 'user',
    retry: 'never',
    message:
      'The function {function} uses the variable {variable}, which is assigned again{assignment}. In another thread it works on a copy taken when it was given to the operator, so it would not see that. Declare the variable with const; to count, use an accumulator (sc.longAccumulator); to share a large value, sc.broadcast; to use another value in each batch, define the operator inside transform.',
    doc: 'Functions go to other threads with copies of the variables that they use. A variable that is assigned anywhere outside its declaration, by the function itself or by other code, would have another value there than here. The variable of a for loop (let) is new in each turn and may be used.',
  },
  CHECKPOINT_DAMAGED: {
    domain: 'external',
    retry: 'never',
    message:
      'Checkpoint file {path} cannot be used: {reason}. The lineage behind it was cut, so it cannot be computed again: restore the file, or run the program anew.',
    doc: 'A file that RDD.checkpoint wrote is missing, cut off, changed, or written by another version. Files carry a version, lengths and checksums, so damage is found before any record of the damaged block is used.',
  },
  CHECKPOINT_DIR_NOT_SET: {
    domain: 'user',
    retry: 'never',
    message:
      '{operation} needs a checkpoint directory, and none has been set. Call sc.setCheckpointDir(directory) before, or use localCheckpoint().',
    doc: 'checkpoint() writes the records of an RDD to files below the checkpoint directory of its context.',
  },
  CHECKPOINT_IN_USE: {
    domain: 'user',
    retry: 'never',
    message:
      'The checkpoint in {directory} may be in use: {reason}. Nothing was deleted. Stop the program first; or, if you know that it has ended, say so by --force.',
    doc: 'kindling checkpoint compact deletes what no manifest names, and a program that runs may just be about to name it. A running program keeps its directory small by itself.',
  },
  CHECKPOINT_INTERVAL_WITHOUT_DIRECTORY: {
    domain: 'user',
    retry: 'never',
    message:
      'The checkpoint directory has not been set, but {stream} has a checkpoint interval. Please set it by StreamingContext.checkpoint().',
    doc: 'A stream with a checkpoint interval of its own needs a place to save to.',
  },
  CHECKPOINT_MISMATCH: {
    domain: 'user',
    retry: 'never',
    message:
      'The checkpoint in {directory} does not match this program: {reason}. Bring the operator back (the same uid, or the same place in the program), or set kindling.checkpoint.allowDrop=true to give up what does not match.',
    doc: 'State, or the plan of a batch, was saved for an operator that the program does not have, or has with other settings. Nothing is guessed: give operators names by uid() before the program changes.',
  },
  CHECKPOINT_NEWER: {
    domain: 'user',
    retry: 'never',
    message:
      '{path} was written by a newer version of Kindling: it has version {version}, and this one reads up to {known}. Use that version of Kindling; nothing was changed.',
    doc: 'Later versions read what earlier ones wrote, but not the other way round.',
  },
  CHECKPOINT_NOT_FOUND: {
    domain: 'user',
    retry: 'never',
    message:
      'There is no checkpoint in {directory}: {reason}. Give the directory that the program passes to checkpoint() or getOrCreate(); a program saves there once it has been started.',
    doc: 'The kindling checkpoint commands look at saved data, and make no directory.',
  },
  CHECKPOINT_NOT_USABLE: {
    domain: 'external',
    retry: 'never',
    message:
      'The checkpoint in {directory} cannot be used: {reason}. Bring the missing files back, or begin anew in another directory (or with createOnError: true, which leaves the saved state out).',
    doc: 'Saved data is there, but neither the newest nor an older state can be put together from it. Nothing was changed. What was skipped on the way was reported as warnings.',
  },
  CHECKPOINT_NOT_WRITABLE: {
    domain: 'external',
    retry: 'never',
    message:
      'Cannot write {path} of the checkpoint: {reason}. The program stops, since it could not be continued after a crash; what was committed is safe. Make space, or see to the permissions, and start the program again: it goes on with the last committed batch.',
    doc: 'The directory cannot be made or written: permissions, a full disk. Start the program again when there is space: it goes on with the last committed batch.',
  },
  CLASS_NAME_TAKEN: {
    domain: 'user',
    retry: 'never',
    message:
      'registerClass: the name {name} already stands for another class. Give one of them its own: registerClass(C, { name, encode, decode }).',
    doc: 'Encoded instances are found again by the name of their class, so two registered classes cannot share one.',
  },
  CLASS_NOT_REGISTERED: {
    domain: 'user',
    retry: 'never',
    message:
      'Stored data has an instance of class {name}, which is not registered here. Call registerClass for it before the data is read.',
    doc: 'Instances of registered classes are stored with the name of their class. The program that reads them must register the same name.',
  },
  CLOSURE_NOT_TRANSFERABLE: {
    domain: 'user',
    retry: 'never',
    message: 'The function {function} cannot go to another thread: {variable} is {type}. {advice}',
    doc: 'Functions go to other threads as source, with the values of the variables that they use. Data, functions, classes, broadcasts, accumulators and what modules export can go along; sockets, promises, RDDs, contexts, and "this" of the code around cannot. The message names the variable, where it is used, and what to do instead.',
  },
  CONTEXT_STARTED: {
    domain: 'user',
    retry: 'never',
    message:
      '{what} cannot be added or changed once the StreamingContext has started. Define all inputs, transformations and outputs before start().',
    doc: 'The graph of streams is fixed by start(). Adding inputs, transformations or outputs, or changing persistence or checkpointing afterwards, is refused.',
  },
  CONTEXT_STOPPED: {
    domain: 'user',
    retry: 'never',
    message: '{what} needs a running SparkContext, and this one has been stopped. Create a new SparkContext.',
    doc: 'A stopped SparkContext runs no more jobs and makes no more RDDs. Make a new one, or stop it later.',
  },
  CONTEXT_STOPPED_ALREADY: {
    domain: 'user',
    retry: 'never',
    message:
      '{what} is not possible: the StreamingContext has been stopped, and a stopped one cannot be used again. Create a new StreamingContext.',
    doc: 'A StreamingContext goes from initialized to active to stopped, one way. Also a context whose start() failed is stopped.',
  },
  DATABASE_ACCESS_DENIED: {
    domain: 'user',
    retry: 'never',
    message:
      '{server} does not let this program in ({reason}; asked for {what}). Check the user, the password, and what they may do there.',
    doc: 'The password is wrong, or the user may not do what was asked. The message never has the password.',
  },
  DATABASE_FAILED: {
    domain: 'external',
    retry: 'never',
    message: '{server} refused {what}: {reason}.',
    doc: 'A database answered with an error that asking again does not mend, such as a table or column that is not there or a value that does not fit, or the options of a sink contradict themselves. The message has what it said.',
  },
  DATABASE_FULL: {
    domain: 'external',
    retry: 'backoff',
    message:
      '{server} has no room for {what} ({reason}). Make room: it is asked again until then, as long as the patience lasts.',
    doc: 'A disk, a table space or the memory that a database may use is full. Nothing of a batch is there. It is asked again until the patience is over.',
  },
  DATABASE_UNREACHABLE: {
    domain: 'external',
    retry: 'backoff',
    message: '{server} does not answer ({reason}; asked for {what}).',
    doc: 'A database could not be reached, or ended the connection. It is asked again until the patience is over.',
  },
  EMPTY_COLLECTION: {
    domain: 'user',
    retry: 'never',
    message:
      '{operation} has no result for an empty RDD. Use fold with a zero value, or check isEmpty() before.',
    doc: 'reduce, first, max, min and others need at least one record.',
  },
  ENDPOINT_ACCESS_DENIED: {
    domain: 'user',
    retry: 'never',
    message:
      '{server} does not let this program in ({reason}; asked for {what}). Check user, password or keys, and what they may do there.',
    doc: 'Credentials are wrong, or do not suffice for what was asked. The message never has them.',
  },
  ENDPOINT_FAILED: {
    domain: 'external',
    retry: 'never',
    message: '{server} refused {what}: {reason}.',
    doc: 'A server that a source reads from answered with an error that asking again does not mend, such as a stream that is not there.',
  },
  ENDPOINT_NOT_LISTENING: {
    domain: 'external',
    retry: 'backoff',
    message:
      'Cannot listen for {what} on {address}: {reason}. Give an address of this machine, and a port that no other program has.',
    doc: 'A receiver that others send to could not open its port.',
  },
  ENDPOINT_UNREACHABLE: {
    domain: 'external',
    retry: 'backoff',
    message: '{server} does not answer ({reason}; asked for {what}).',
    doc: 'A server that a source reads from could not be reached, ended the connection, or has too much to do. It is asked again.',
  },
  EXTRA_LISTENER_FAILED: {
    domain: 'user',
    retry: 'never',
    message: 'Cannot add the listener {module} of spark.streaming.extraListeners: {reason}.',
    doc: 'Each entry is a module (a path from the working directory, or a package) whose default export, or the one named after #, is a listener, a class of listeners, or a function that makes one.',
  },
  FAULT_NOT_HIT: {
    domain: 'user',
    retry: 'never',
    message:
      'A planned fault was not hit: {fault}. The test ended before the program came to that point; run more batches, or plan the fault elsewhere.',
    doc: 'StreamTest refuses to be disposed while a fault planned with crashAt, failAt or holdTask has never happened, because such a test would prove nothing.',
  },
  FENCED: {
    domain: 'external',
    retry: 'never',
    message:
      'Another process has taken over the checkpoint in {directory} (it created {file}). This one stops, and has written nothing since.',
    doc: 'Two processes must not continue one program. The one that started last goes on; check why the first was still running.',
  },
  FILE_DAMAGED: {
    domain: 'external',
    retry: 'never',
    message: '{path} cannot be read back: {reason}.',
    doc: 'A file of records is not as it was written: cut off, changed, or of another kind. Write it again.',
  },
  FILE_NOT_FITTING: {
    domain: 'user',
    retry: 'never',
    message: '{path} is not of the form that is wanted: {reason}.',
    doc: 'A file is whole, but has other columns, another schema or another codec than what it is read with. The message says which.',
  },
  FLOATING_REJECTION: {
    domain: 'user',
    retry: 'backoff',
    message:
      'A promise that nobody awaited was rejected while {operation} ran: {reason}. Await it, or handle its rejection with catch().',
    doc: 'A function of your program started something asynchronous, did not wait for it, and it failed. Under kindling run that fails the task or the batch it was started in; the cause is what the promise was rejected with. In a program of your own, Node decides (it ends the process unless you listen for unhandledRejection).',
  },
  FLUME_NOT_LISTENING: {
    domain: 'external',
    retry: 'backoff',
    message:
      'Cannot listen for Flume on {address}: {reason}. Give an address of this machine, and a port that no other program has.',
    doc: 'The server that the Avro sinks of Flume send to could not be started.',
  },
  FRAME_NOT_VALID: {
    domain: 'external',
    retry: 'backoff',
    message:
      'A frame from {source} cannot be read: {reason}. A frame is 4 bytes, big-endian, with the length of a block, and that block.',
    doc: 'rawSocketStream got something else than blocks, or half of one. The connection is made again. rawFrame and rawSocketSender make frames as they are expected.',
  },
  GUARANTEE_NOT_KEPT: {
    domain: 'user',
    retry: 'never',
    message: '{output} demands {required}, and what can be kept is {guarantee}: {reasons}.',
    doc: 'writeTo was given more in require than sources, checkpoints and the sink can keep together. The message says what is missing: set a checkpoint directory, turn on the write-ahead log of receivers, or choose a source that can be read again or a sink that commits exactly once. Without require the program starts, and says what holds.',
  },
  HDFS_ACCESS_DENIED: {
    domain: 'user',
    retry: 'never',
    message:
      'HDFS at {servers} does not let this program in ({reason}; asked for {what}). Check the user or the delegation token, and what they may do there.',
    doc: 'The user may not do what was asked, or the delegation token is not valid. The message never has the token.',
  },
  HDFS_FAILED: {
    domain: 'external',
    retry: 'never',
    message: 'HDFS at {servers} refused {what}: {reason}.',
    doc: 'A name or data node answered with an error that asking again does not mend, such as a file that is not there. The message has its exception.',
  },
  HDFS_FULL: {
    domain: 'external',
    retry: 'backoff',
    message:
      'HDFS at {servers} has no room for {what} ({reason}). Make room, or raise the quota: it is asked again until then, as long as the patience lasts.',
    doc: 'The quota of a folder is used up, or the disks of the data nodes are full. Nobody sees the file. It is asked again until the patience is over.',
  },
  HDFS_UNREACHABLE: {
    domain: 'external',
    retry: 'backoff',
    message: 'HDFS at {servers} does not answer ({reason}; asked for {what}).',
    doc: 'No name node is active, or no data node has or takes the block. It is asked again until the patience is over.',
  },
  ILLEGAL_STATE: {
    domain: 'user',
    retry: 'never',
    message: '{what} is not possible now: {reason}.',
    doc: 'An operation was called in a state that does not allow it. The message says which state and why.',
  },
  INPUT_NOT_AT_HAND: {
    domain: 'user',
    retry: 'never',
    message:
      'The function given to {operation} reads its records with a synchronous loop, but they arrive asynchronously. Write "for await (const record of records)".',
    doc: 'The argument of mapPartitionsAsync is an iterable and an async iterable. The synchronous form only works where all records can be had without waiting, which is not so behind mapAsync, mapPartitionsAsync, checkpoint files and asynchronous sources. The asynchronous form always works.',
  },
  INPUT_NOT_READABLE: {
    domain: 'external',
    retry: 'backoff',
    message:
      'Cannot read {path}: {reason}. Check that the file exists still and that this process may read it.',
    doc: 'An input file or directory was found, but reading it failed (permission, removed meanwhile, damaged archive). The task is tried again; the cause has the original error of the system.',
  },
  INPUT_PATH_NOT_FOUND: {
    domain: 'user',
    retry: 'never',
    message: 'Input path does not exist, or its pattern matches no file: {path}.',
    doc: 'textFile and its relatives look the path up when the first action runs. Relative paths start at the working directory of the process.',
  },
  INTERNAL_ERROR: {
    domain: 'internal',
    retry: 'never',
    message:
      'Something that must always hold did not: {assertion}. This is a mistake in Kindling, please report it.',
    doc: 'An assertion inside the engine failed. Please report it with the message and the stack.',
  },
  INVALID_ARGUMENT: {
    domain: 'user',
    retry: 'never',
    message: '{what} is {value}, but must be {expected}.',
    doc: 'An argument is of the wrong kind or out of its range. The message names the argument, the value given and what is expected.',
  },
  INVALID_CHECKPOINT_INTERVAL: {
    domain: 'user',
    retry: 'never',
    message: 'The checkpoint interval for {stream} has been set to {interval}, which {reason}.',
    doc: 'A checkpoint interval is at least the slide of its stream, and a multiple of it.',
  },
  INVALID_CONFIG: {
    domain: 'user',
    retry: 'never',
    message: 'Setting {key} is {value}, but must be {expected}.',
    doc: 'A configuration value cannot be understood or is out of range. docs/reference/configuration.md lists every key with its unit and range.',
  },
  INVALID_DURATION: {
    domain: 'user',
    retry: 'never',
    message: '{what} is {value}, but must be {expected}.',
    doc: "A duration is a Duration (seconds(5)), a whole number of milliseconds from 5 up, or a text such as '5s' or '200ms'. A bare number below 5 is refused, since it nearly always was meant to be seconds.",
  },
  INVALID_SLIDE: {
    domain: 'user',
    retry: 'never',
    message:
      'The slide duration of the windowed stream is {slide}, but must be a positive multiple of the slide duration of its parent, {parentSlide}.',
    doc: 'A window can move only by whole batches of the stream it stands on.',
  },
  INVALID_WINDOW: {
    domain: 'user',
    retry: 'never',
    message:
      'The window duration of the windowed stream is {window}, but must be a positive multiple of the slide duration of its parent, {parentSlide}.',
    doc: 'A window holds whole batches of the stream it stands on.',
  },
  JOB_CANCELLED: {
    domain: 'user',
    retry: 'never',
    message: 'The job was cancelled: {reason}.',
    doc: 'The job was stopped before it was complete: by its AbortSignal, because its job group was cancelled, or because the context was stopped.',
  },
  KAFKA_ACCESS_DENIED: {
    domain: 'user',
    retry: 'never',
    message:
      'Kafka at {servers} does not let this program in ({reason}; asked for {what}). Check mechanism, user and password (sasl), the authority and name of the certificate (tls), and what the user may read.',
    doc: 'The log-in failed, the certificate of the broker is not trusted, or the user may not read the topic or group. The message has the code of Kafka or TLS and never a secret.',
  },
  KAFKA_DATA_LOST: {
    domain: 'external',
    retry: 'never',
    message:
      'Records of {partition} from offset {from} to {until} are gone: {reason}. They cannot be read again. To go on without them, set onDataLoss to skip; to keep records longer, raise the retention of the topic.',
    doc: 'Records that were to be read have been removed by retention or with their topic. Gaps that compaction and the marks of transactions leave are no loss and never give this error. With onDataLoss set to skip the stream goes on with the records that are there, and the log, the batch and its plan say what is missing.',
  },
  KAFKA_NO_OFFSET: {
    domain: 'user',
    retry: 'never',
    message:
      "There is no offset at which to begin {partitions}: none was given, group {group} has stored none, and autoOffsetReset is none. Give offsets, or set autoOffsetReset to 'earliest', 'latest' or a time.",
    doc: 'With autoOffsetReset none, a stream begins only at offsets that are given or that its group has stored.',
  },
  KAFKA_RECORD_NOT_READABLE: {
    domain: 'user',
    retry: 'never',
    message:
      'The deserialiser failed for the {what} of record {record}: {reason}. Give one that fits, or one that gives a mark for records that it cannot read, to be filtered out.',
    doc: 'A key or value is not what the deserialiser of the stream takes. The message has topic, partition and offset.',
  },
  KAFKA_REQUEST_FAILED: {
    domain: 'external',
    retry: 'never',
    message: 'Kafka at {servers} refused a request for {what}: {reason}.',
    doc: 'A broker answered with an error that asking again does not mend. The message has its code.',
  },
  KAFKA_TOPIC_NOT_FOUND: {
    domain: 'user',
    retry: 'never',
    message:
      'Kafka at {servers} has no topic or partition {topics}, or this user may not see it. Create it, or correct the name.',
    doc: 'A stream, RDD or sink names a topic or partition that does not exist. Topics are never made by reading or writing.',
  },
  KAFKA_UNREACHABLE: {
    domain: 'external',
    retry: 'backoff',
    message: 'Kafka at {servers} does not answer ({reason}; asked for {what}).',
    doc: 'No broker could be reached, or none that leads the partition. A stream that has started waits: its batches have no records of Kafka until a broker answers, and then go on where they were. A task waits up to spark.streaming.kafka.consumer.poll.ms.',
  },
  KEY_NOT_CONSISTENT: {
    domain: 'user',
    retry: 'never',
    message:
      'The key {key} leaves the window but was never in it. Its hash or its equality must have changed meanwhile: give each key the same partition every time, and filter only by the pair itself.',
    doc: 'An inverse window met a value to take out for a key it does not hold. A partitioner that answers differently for equal keys, or a filter that drops keys still in the window, leads here.',
  },
  KEY_NOT_SUPPORTED: {
    domain: 'user',
    retry: 'never',
    message:
      'A value of type {type} cannot be a key ({value}). Keys are strings, numbers, bigints, booleans, null, undefined, Dates, byte arrays, and tuples and plain records of these. Make such a key out of the value, for example its id.',
    doc: 'Keys are compared by value and hashed alike on every machine, which only works for plain data. Make a key of such a type out of the value, for example its id.',
  },
  LINE_TOO_LONG: {
    domain: 'external',
    retry: 'never',
    message:
      'A line of {source} has more than {limit} bytes without a line end. Raise kindling.text.maxLineBytes, or check that the input is text.',
    doc: 'A line above the limit is a bad record and never an endless buffer. Limit: kindling.text.maxLineBytes, 64 MiB unless set.',
  },
  MASTER_NOT_SUPPORTED: {
    domain: 'user',
    retry: 'never',
    message: 'Master {master} is not understood. Use {expected}.',
    doc: 'The master says where tasks run. Only the forms named in the message exist in this version.',
  },
  NO_OUTPUT_OPERATIONS: {
    domain: 'user',
    retry: 'never',
    message:
      'No output operations are registered, so there is nothing to execute. Add one before start(): print(), foreachRDD() or saveAsTextFiles().',
    doc: 'Streams are computed only for the sake of output operations. start() refuses a context without any.',
  },
  NO_RDD: {
    domain: 'user',
    retry: 'never',
    message: '{stream} has no RDD for time {time}: {reason}.',
    doc: 'A stream produces an RDD only at its valid times: after its zero time, at whole multiples of its slide duration. A function given to transform must return one too.',
  },
  NOT_A_PAIR: {
    domain: 'user',
    retry: 'never',
    message:
      '{operation} needs records of the form [key, value], but got {value}. Make pairs first: .map(x => [key, value]).',
    doc: 'Pair operators work on tuples of exactly two elements. The type system says so too; a cast or plain JavaScript came past it.',
  },
  NOT_ITERABLE: {
    domain: 'user',
    retry: 'never',
    message:
      'The function given to {operation} must return something iterable (an array, a generator), but returned {value}.',
    doc: 'flatMap, flatMapValues and mapPartitions take the records one by one from what the function returns.',
  },
  OBJECT_STORE_ACCESS_DENIED: {
    domain: 'user',
    retry: 'never',
    message:
      'The object store {store} does not let this program in ({reason}; asked for {what}). Check the credentials and what they may do there.',
    doc: 'The credentials are not valid or missing, or may not do what was asked. The message never has them.',
  },
  OBJECT_STORE_FAILED: {
    domain: 'external',
    retry: 'never',
    message: 'The object store {store} refused {what}: {reason}.',
    doc: 'A store answered with an error that asking again does not mend, such as that there is no such bucket. The message has its code.',
  },
  OBJECT_STORE_FULL: {
    domain: 'external',
    retry: 'backoff',
    message:
      'The object store {store} has no room for {what} ({reason}). Make room: it is asked again until then, as long as the patience lasts.',
    doc: 'The disks of a store are full (507). It is asked again until the patience is over.',
  },
  OBJECT_STORE_UNREACHABLE: {
    domain: 'external',
    retry: 'backoff',
    message: 'The object store {store} does not answer ({reason}; asked for {what}).',
    doc: 'The store cannot be reached, or answers that it cannot serve now. It is asked again until the patience is over.',
  },
  OPERATOR_NOT_SAVED: {
    domain: 'user',
    retry: 'never',
    message:
      'The checkpoint in {directory} has no state of {operator}: {reason}. What there is: kindling checkpoint show.',
    doc: 'kindling checkpoint export needs the id of an operator with state, and the time of one of its images.',
  },
  OUTPUT_FAILED: {
    domain: 'external',
    retry: 'backoff',
    message: 'Cannot write {path}: {reason}. Check free space and that this process may write there.',
    doc: 'Writing output failed. The task is tried again; nothing incomplete is left under the final name.',
  },
  OUTPUT_OPERATION_FAILED: {
    domain: 'user',
    retry: 'never',
    message: 'Output operation {operation} failed for the batch at {time}: {reason}',
    doc: 'An output operation of a batch threw or rejected. The cause has the original error. The first failure ends awaitTermination().',
  },
  OUTPUT_PATH_EXISTS: {
    domain: 'user',
    retry: 'never',
    message: 'Output path {path} exists already. Choose another, or remove it first.',
    doc: 'saveAsTextFile never writes over existing data, and neither does a file sink over a storage.',
  },
  PACKAGE_MISSING: {
    domain: 'user',
    retry: 'never',
    message: '{feature} needs a package that is not installed: npm install {package}.',
    doc: 'Some features use a package of their own, which is installed only where it is wanted. The message names it.',
  },
  PIPE_FAILED: {
    domain: 'external',
    retry: 'backoff',
    message: 'The command {command} failed: {reason}.',
    doc: 'A process that pipe() sent a partition through could not be started, or ended with another exit code than 0. The message has the end of what it wrote to standard error.',
  },
  PLAN_INTERRUPTED: {
    domain: 'user',
    retry: 'never',
    message:
      '{file} cannot be planned: {reason}. Have it define its streams and call start(), without jobs and outside data before.',
    doc: 'kindling checkpoint plan loads a program up to its first start() of a StreamingContext, and runs none of its jobs, so that nothing is read, sent or written by them.',
  },
  PLANNED_FAULT: {
    domain: 'user',
    retry: 'backoff',
    message: 'Planned fault at {point}.',
    doc: 'A fault that a test planned with StreamTest.failAt. It never happens outside tests.',
  },
  PROGRAM_IMPORTED: {
    domain: 'user',
    retry: 'never',
    message:
      'A function needs {module} in a worker thread, and that imports the program itself, {entry}, which would start its jobs once more. Move what it needs from there into a module of its own.',
    doc: 'Modules that functions use are loaded again in each worker thread, but never the module that the program was started with. A module that imports that one, directly or through others, cannot be used by functions that run in workers.',
  },
  PROMISE_RETURNED: {
    domain: 'user',
    retry: 'never',
    message:
      'The function given to {operation} returned a promise where a value is expected. For asynchronous work use {instead}.',
    doc: 'map, filter, reduce and their relatives call the function synchronously. For asynchronous work there are mapAsync, mapPartitionsAsync, foreach and foreachPartition.',
  },
  QUEUE_NOT_RESTORABLE: {
    domain: 'user',
    retry: 'never',
    message:
      "queueStream doesn't support checkpointing: what was queued for the batch at {time} is gone with the process. Use files, or another source that can be read again.",
    doc: 'A queue lives in the memory of the program. With a checkpoint directory it only warns; after a restart it is refused.',
  },
  RECEIVER_FAILED: {
    domain: 'external',
    retry: 'backoff',
    message: 'Receiver {receiver} failed: {reason}. It is started again after the restart delay.',
    doc: 'A receiver lost its source or threw. Unless it was stopped it is restarted after spark.streaming.receiverRestartDelay.',
  },
  RECEIVER_LOG_WITHOUT_DIRECTORY: {
    domain: 'user',
    retry: 'never',
    message:
      'spark.streaming.receiver.writeAheadLog.enable is set, and {receiver} has no place to log what it receives. Call ssc.checkpoint(directory) before start(), or leave the key out.',
    doc: 'The log of received blocks lies in the checkpoint directory; the program has none.',
  },
  RECORD_NOT_ENCODABLE: {
    domain: 'user',
    retry: 'never',
    message:
      'A record cannot be stored or sent: {path} is {type}. Use plain data (primitives, arrays, plain objects, Map, Set, Date, typed arrays), or register its class with registerClass.',
    doc: 'Shuffled, persisted and state data have the semantics of encoded bytes, so functions, sockets, promises, cyclic structures and instances of unregistered classes are refused. The path says where in the record the value stands.',
  },
  RECORD_NOT_FITTING: {
    domain: 'user',
    retry: 'never',
    message:
      'A record does not fit the columns that are written: {value}: {reason}. Give the columns, or map the records to them.',
    doc: 'All records of a Parquet file have the same columns: those given, or those of the first records of the partition. Rows for a database have those of the sink or its table.',
  },
  REFERENCE_DATA_STALE: {
    domain: 'external',
    retry: 'backoff',
    message:
      'Reference data is {age} old, and at most {maxAge} is allowed (maxAge): {reason}. See to where it is loaded from, or allow more.',
    doc: 'The data of refreshing is kept while loading it anew fails, up to its greatest age. A batch that would get older data fails.',
  },
  ROW_NOT_READABLE: {
    domain: 'user',
    retry: 'never',
    message: '{path}, line {line}: {reason}. Give onError to have such rows put aside.',
    doc: 'A row of a CSV file does not have the fields that it should have, its quotes do not match, or a field is not of the type of its column or what the schema wants.',
  },
  SIMULATION_FAILED: {
    domain: 'user',
    retry: 'never',
    message:
      'The simulation with seed {seed} failed: {reason}. Run the same again with KINDLING_SIM_SEED={seed}. Last events:{events}',
    doc: 'A program in a simulation of kindling/testing failed with an error that no simulated fault explains, did not come to an end, or broke what its check asks for. The same seed fails in the same way.',
  },
  SINK_FAILED: {
    domain: 'external',
    retry: 'backoff',
    message: 'Sink {sink} failed in its {step} step: {reason}',
    doc: 'A sink threw. In a task (steps writer, write and prepare) the task is tried again, and what the attempt wrote is removed; on the driver (open, committed, begin, commit) the batch fails, or the start. The cause has the original error.',
  },
  SINK_FENCED: {
    domain: 'external',
    retry: 'never',
    message:
      'Sink {sink} refused output {operator} of epoch {epoch}: {reason}. This program stops, and has written nothing of the batch.',
    doc: 'Another process has started the same program later, and writes to the sink. The one that started last goes on; check why the first was still running.',
  },
  SINK_NOT_CONFORMING: {
    domain: 'user',
    retry: 'never',
    message: 'Sink {sink} does not do what the engine counts on: {reason}.',
    doc: 'Thrown by the cases of sinkConformance, of kindling/testing. The contract is told in the reference, at Sink.',
  },
  SOURCE_FAILED: {
    domain: 'external',
    retry: 'backoff',
    message: 'Source {source} failed: {reason}.',
    doc: 'An input source could not deliver data for a batch. The cause has the original error.',
  },
  SOURCE_NOT_CONFORMING: {
    domain: 'user',
    retry: 'never',
    message: 'Source {source} does not do what the engine counts on: {reason}.',
    doc: 'Thrown by the cases of sourceConformance, of kindling/testing. The contract is told in the reference, at DirectSource and Receiver.',
  },
  STATE_MIGRATION_FAILED: {
    domain: 'user',
    retry: 'never',
    message:
      'The state of {operator} cannot be taken over from version {from} to version {to}: migrate failed for the key {key}: {reason}. Nothing has been changed; correct migrate, or start the program that saved it.',
    doc: 'A program declares another version of the values of a state than those that are saved, and its function that makes new ones of old ones threw, or gave no data. All keys are migrated before the program takes anything over.',
  },
  STATE_NOT_SET: {
    domain: 'user',
    retry: 'never',
    message:
      'state.get() was called for the key {key}, which has no state. Ask exists() first, or use getOption(), which gives undefined.',
    doc: 'A key has no state before its first update, after remove, and after a time-out.',
  },
  STATE_VERSION_FORGOTTEN: {
    domain: 'internal',
    retry: 'never',
    message:
      'The state of {operator} at {time} has been forgotten; the oldest version kept is {oldest}. Call remember() with a longer duration to look back further.',
    doc: 'State is kept for as many batches as something remembers. Older versions cannot be read.',
  },
  STREAM_NOT_INITIALIZED: {
    domain: 'user',
    retry: 'never',
    message: '{stream} has not been initialized: {reason}.',
    doc: 'A stream knows its zero time only once its context has started and an output operation reaches it.',
  },
  TABLE_FULL: {
    domain: 'user',
    retry: 'never',
    message:
      'A table of keys has reached its limit of {limit} {what} in one partition. Use more partitions, so that each holds fewer keys.',
    doc: 'A partition holds its keys in one table, bounded by what the JavaScript engine can address.',
  },
  TASK_FAILED: {
    domain: 'user',
    retry: 'backoff',
    message: 'A task failed: {reason}',
    doc: 'An attempt of a task failed. It is tried again as long as attempts are left; the cause has the original error.',
  },
  TASK_TIMED_OUT: {
    domain: 'user',
    retry: 'backoff',
    message: 'A task ran longer than {limit} (kindling.task.timeout) and was ended, with its thread.',
    doc: 'On worker threads, a task that runs longer than kindling.task.timeout is ended and tried again, as one that failed. Raise the limit, make partitions smaller, or look for a loop without end.',
  },
  UNKNOWN_ERROR: {
    domain: 'internal',
    retry: 'never',
    message: 'Something that is not an Error was thrown: {value}.',
    doc: 'A value that is no Error object was thrown or rejected with. Throw Error objects, so that message and stack survive.',
  },
  UNSUPPORTED_OPERATION: {
    domain: 'user',
    retry: 'never',
    message: '{operation} is not supported here: {reason}.',
    doc: 'The operation exists, but not in this place or state. The message says why.',
  },
  UNSUPPORTED_SCHEME: {
    domain: 'user',
    retry: 'never',
    message: 'Paths of scheme {scheme} cannot be read ({path}). Supported are plain paths and file:// URLs.',
    doc: 'textFile and its relatives read local files. Mount or download other storage first.',
  },
  USER_CODE_FAILED: {
    domain: 'user',
    retry: 'backoff',
    message: 'The function given to {operation} threw: {reason}',
    doc: 'A function of your program threw while a task ran it. The message names the operator and its line; the cause is what was thrown.',
  },
  WAIT_TIMED_OUT: {
    domain: 'external',
    retry: 'never',
    message: 'Waited {ms} ms in vain for: {what}.',
    doc: 'A test waited in real time for something outside the engine, and it did not come.',
  },
  WORKER_LOST: {
    domain: 'external',
    retry: 'backoff',
    message:
      'A worker thread ended while it ran a task: {reason}. The task runs again on another one; look for process.exit, for memory that grows without bound, and for errors thrown in timers of your functions.',
    doc: 'A worker thread of `local[N]` ended by itself: a function called process.exit, its heap was full, or an error was thrown outside of any task. It is replaced, and what it was running is run again. That does not count as a failure of the task; a task whose worker has died four times fails its job with this error.',
  },
  WORKER_NOT_STARTED: {
    domain: 'external',
    retry: 'never',
    message: 'No worker thread could be started: {reason}.',
    doc: 'Several worker threads in a row ended before they took their first task. The reason is what the last one said. `local` runs without threads.',
  },
  ZIP_LENGTH_MISMATCH: {
    domain: 'user',
    retry: 'never',
    message:
      'zip needs the same number of {what} on both sides, but found {left} and {right}. Both sides must come from the same cuts, for example one from the other by map.',
    doc: 'zip pairs the n-th records of equal partitions. RDDs with different partition counts or record counts cannot be zipped.',
  },
} as const

/** Code of a row of the table. */
export type ErrorCode = keyof typeof conditions
