/** SparkContext, and what tasks share. */
import { no, type ParityTable } from './table.ts'

/** In the order of the page. */
export const contextTables: readonly ParityTable[] = [
  {
    spark: 'SparkContext',
    rows: [
      [
        'new SparkContext(); (conf); (master, appName, conf); (master, appName, sparkHome, jars, environment)',
        'SparkContext',
        'one options object',
      ],
      ['SparkContext.getOrCreate(); (conf)', no('at-hand'), 'several contexts may live in one process (D2)'],
      ['SparkContext.jarOfClass(cls), jarOfObject(obj)', no('jvm')],
      ['addArchive(path), addFile(path); (path, recursive), addJar(path)', no('one-process')],
      [
        'addJobTag(tag), removeJobTag(tag), getJobTags(), clearJobTags()',
        'SparkContext.addJobTag, SparkContext.removeJobTag, SparkContext.getJobTags, SparkContext.clearJobTags',
      ],
      [
        'addSparkListener(listener), removeSparkListener(listener)',
        'SparkContext.addSparkListener, SparkContext.removeSparkListener',
      ],
      ['appName, master', 'SparkContext.appName, SparkContext.master'],
      ['applicationAttemptId, applicationId', no('one-process')],
      ['archives, files, jars, listArchives(), listFiles(), listJars()', no('one-process')],
      ['binaryFiles(path, minPartitions)', 'SparkContext.binaryFiles'],
      ['binaryRecords(path, recordLength, conf)', 'SparkContext.binaryRecords'],
      ['broadcast(value)', 'SparkContext.broadcast'],
      ['cancelAllJobs(); (reason)', 'SparkContext.cancelAllJobs'],
      ['cancelJob(id); (id, reason)', 'SparkContext.cancelJob'],
      [
        'cancelJobGroup(id); (id, reason), cancelJobGroupAndFutureJobs(id); (id, reason)',
        'SparkContext.cancelJobGroup, SparkContext.cancelJobGroupAndFutureJobs',
      ],
      ['cancelJobsWithTag(tag); (tag, reason)', 'SparkContext.cancelJobsWithTag'],
      ['cancelStage(id); (id, reason)', 'SparkContext.cancelStage'],
      ['clearCallSite(), setCallSite(text)', no('own-node'), 'the line of every operator is taken by itself'],
      [
        'clearJobGroup(), setJobGroup(id, description, interruptOnCancel)',
        'SparkContext.setJobGroup, SparkContext.clearJobGroup',
      ],
      ['collectionAccumulator(); (name)', 'SparkContext.collectionAccumulator'],
      [
        'defaultMinPartitions, defaultParallelism',
        'SparkContext.defaultMinPartitions, SparkContext.defaultParallelism',
      ],
      ['deployMode, sparkUser, startTime, resources', no('one-process')],
      [
        'doubleAccumulator(); (name), longAccumulator(); (name)',
        'SparkContext.doubleAccumulator, SparkContext.longAccumulator',
      ],
      ['emptyRDD', 'SparkContext.emptyRDD'],
      ['getAllPools, getPoolForName(pool), getSchedulingMode', no('no-slots')],
      [
        'getCheckpointDir, setCheckpointDir(directory)',
        'SparkContext.getCheckpointDir, SparkContext.setCheckpointDir',
      ],
      ['getConf, getReadOnlyConf', 'SparkContext.getConf, SparkContext.conf'],
      [
        'getExecutorMemoryStatus, requestExecutors(n), requestTotalExecutors(…), killExecutor(id), killExecutors(ids)',
        no('one-process'),
      ],
      [
        'getLocalProperty(key), setLocalProperty(key, value)',
        'SparkContext.getLocalProperty, SparkContext.setLocalProperty',
      ],
      [
        'getPersistentRDDs, getRDDStorageInfo',
        'SparkContext.getPersistentRDDs, SparkContext.getRDDStorageInfo',
      ],
      [
        'hadoopConfiguration, hadoopFile(…) ×4, hadoopRDD(…), newAPIHadoopFile(…) ×2, newAPIHadoopRDD(…)',
        no('hadoop'),
      ],
      ['isLocal, isStopped', 'SparkContext.isLocal, SparkContext.isStopped'],
      ['killTaskAttempt(taskId, interruptThread, reason)', no('whole-batches')],
      ['makeRDD(seq, n)', 'SparkContext.makeRDD'],
      ['makeRDD(seq of (value, hosts))', 'SparkContext.makeRDDWithLocations', 'D47'],
      ['objectFile(path, minPartitions)', 'SparkContext.objectFile'],
      ['parallelize(seq, n)', 'SparkContext.parallelize'],
      ['range(start, end, step, n)', 'SparkContext.range'],
      ['register(accumulator); (accumulator, name)', 'SparkContext.register'],
      [
        'runApproximateJob(rdd, f, evaluator, timeout)',
        no('own-node'),
        'behind `countApprox` and its relatives',
      ],
      ['runJob(rdd, f); (rdd, f, partitions); with TaskContext; with resultHandler', 'SparkContext.runJob'],
      ['sequenceFile(path, …), three overloads', 'SparkContext.ndjsonFile, SparkContext.objectFile', 'D48'],
      [
        'setInterruptOnCancel(flag)',
        no('jvm'),
        'there are no threads to interrupt; the signal of a task is aborted',
      ],
      ['setJobDescription(text)', 'SparkContext.setJobDescription'],
      ['setLogLevel(level)', 'SparkContext.setLogLevel'],
      ['statusTracker', 'SparkContext.statusTracker'],
      ['stop(); (exitCode)', 'SparkContext.stop'],
      ['submitJob(rdd, f, partitions, resultHandler, result)', 'SparkContext.submitJob'],
      ['textFile(path, minPartitions)', 'SparkContext.textFile'],
      ['uiWebUrl', no('no-web-ui')],
      ['union(rdds); (first, rest*)', 'SparkContext.union', 'takes a list'],
      ['version', 'SparkContext.version'],
      ['wholeTextFiles(path, minPartitions)', 'SparkContext.wholeTextFiles'],
    ],
  },
  {
    spark: 'SparkStatusTracker',
    rows: [
      [
        'getActiveJobIds(), getActiveStageIds()',
        'StatusTracker.getActiveJobIds, StatusTracker.getActiveStageIds',
      ],
      [
        'getJobIdsForGroup(id), getJobIdsForTag(tag)',
        'StatusTracker.getJobIdsForGroup, StatusTracker.getJobIdsForTag',
      ],
      ['getJobInfo(id), getStageInfo(id)', 'StatusTracker.getJobInfo, StatusTracker.getStageInfo'],
      ['getExecutorInfos', no('one-process')],
    ],
  },
  {
    spark: 'Broadcast',
    rows: [
      ['id, value', 'Broadcast.id, Broadcast.value'],
      ['unpersist(); (blocking)', 'Broadcast.unpersist'],
      ['destroy(); (blocking)', 'Broadcast.destroy'],
    ],
  },
  {
    spark: 'AccumulatorV2',
    rows: [
      [
        'add(v), merge(other), reset(), copy(), copyAndReset()',
        'AccumulatorV2.add, AccumulatorV2.merge, AccumulatorV2.reset, AccumulatorV2.copy, AccumulatorV2.copyAndReset',
      ],
      [
        'isZero, value, id, name, isRegistered',
        'AccumulatorV2.isZero, AccumulatorV2.value, AccumulatorV2.id, AccumulatorV2.name, AccumulatorV2.isRegistered',
      ],
      [
        'LongAccumulator: add, avg, count, sum, value',
        'LongAccumulator.add, LongAccumulator.avg, LongAccumulator.count, LongAccumulator.sum, LongAccumulator.value',
      ],
      [
        'DoubleAccumulator: add, avg, count, sum, value',
        'DoubleAccumulator.add, DoubleAccumulator.avg, DoubleAccumulator.count, DoubleAccumulator.sum, DoubleAccumulator.value',
      ],
      ['CollectionAccumulator: add, value', 'CollectionAccumulator.add, CollectionAccumulator.value'],
    ],
  },
]
