/** What HDFS answers when it does not do what it was asked. */
import { KindlingError } from '../../base/errors.ts'

/** Exceptions of the server that another attempt, or another name node, may not meet. */
const PASSING: ReadonlySet<string> = new Set([
  'StandbyException',
  'SafeModeException',
  'RetriableException',
  'IOException',
  'ConnectException',
  'SocketTimeoutException',
  'NotReplicatedYetException',
  'LeaseExpiredException',
])

/** Quotas of folders, and data nodes whose disks are full. */
const FULL =
  /^(DS|NS)?Quota(ByStorageType)?ExceededException|^DiskOutOfSpaceException|No space left on device|could only be written to 0 of .* [1-9]\d* datanode\(s\) running and (no|0) node\(s\) are excluded/s

/** See the file head. */
export class RemoteFailure extends Error {
  /** The exception of the server, without its package. */
  readonly exception: string

  constructor(exception: string, message: string) {
    super(message)
    this.exception = exception
  }

  get isMissing(): boolean {
    return this.exception === 'FileNotFoundException'
  }

  /** Somebody may make room. */
  get isFull(): boolean {
    return FULL.test(`${this.exception}: ${this.message}`)
  }

  /** The status tells nothing, the class does. Reading beyond the end is no passing trouble. */
  get mayPass(): boolean {
    return this.isFull || (PASSING.has(this.exception) && !/out of the range/.test(this.message))
  }
}

export function hdfsFailed(servers: string, what: string, cause: RemoteFailure): KindlingError {
  const reason = `${cause.exception}: ${cause.message}`
  const denied = ['AccessControlException', 'SecurityException', 'InvalidToken', 'AuthenticationException']
  const code = denied.includes(cause.exception) ? 'HDFS_ACCESS_DENIED' : 'HDFS_FAILED'
  return new KindlingError(code, { servers, what, reason }, { cause })
}

/** What another attempt may not meet. */
export function hdfsUnreachable(servers: string, what: string, cause: unknown): KindlingError {
  const { message, code: system } = cause as NodeJS.ErrnoException
  const reason = cause instanceof RemoteFailure ? `${cause.exception}: ${message}` : (system ?? message)
  const code = cause instanceof RemoteFailure && cause.isFull ? 'HDFS_FULL' : 'HDFS_UNREACHABLE'
  return new KindlingError(code, { servers, what, reason }, { cause })
}
