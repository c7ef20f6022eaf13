/** The public names of `kindling/connectors/kinesis`. */

export { KinesisUtils } from './kinesis-utils.ts'
export type { InitialPosition, KinesisOptions } from './options.ts'
export type { KinesisRecord } from './read-range.ts'
