/** The public names of `kindling/connectors/flume`. */

export { type FlumeEvent, type FlumeStreamOptions, FlumeUtils } from './flume-utils.ts'
