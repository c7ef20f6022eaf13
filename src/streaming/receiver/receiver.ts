// PLACEHOLDER
export abstract class Receiver<T> {
  abstract onStart(): void
  onStop(): void {}
  async store(_: T): Promise<void> {}
  async storeMany(_: Iterable<T>): Promise<void> {}
  stop(_m: string, _e?: Error): void {}
}
