/** The public names of `kindling/connectors/hdfs`. */

export { HdfsFiles } from './hdfs-files.ts'
export { HdfsStorage } from './hdfs-storage.ts'
export { HdfsUtils } from './hdfs-utils.ts'
export { type HdfsFileStatus, WebHdfs, type WebHdfsOptions } from './web-hdfs.ts'
