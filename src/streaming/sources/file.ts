// PLACEHOLDER
export interface FileStreamOptions<T> {
  read?: T
}
export function fileSource<T>(_d: string, _o: FileStreamOptions<T>): never {
  throw new Error()
}
