import type { ToWorker } from './messages.ts'

/**
 * Messages go together: waking a thread costs more than most of them, and before a task often come its stage and its values. A task,
 * and what ends one, goes at once, with all before it; the rest waits for the end of the turn.
 */
export class Outbox {
  private messages: ToWorker[] = []
  private readonly post: (messages: readonly ToWorker[]) => void

  constructor(post: (messages: readonly ToWorker[]) => void) {
    this.post = post
  }

  /** @throws what cannot be copied, of a task or of what came before it in the same turn */
  add(message: ToWorker): void {
    this.messages.push(message)
    if (message.type === 'task' || message.type === 'cancel' || message.type === 'stop') this.send()
    // What belongs to no task is made of numbers and bytes, which can always be copied.
    else if (this.messages.length === 1) queueMicrotask(() => this.send())
  }

  private send(): void {
    const messages = this.messages.splice(0)
    if (messages.length === 0) return
    try {
      this.post(messages)
    } catch (error) {
      // The others are on their way for all that the driver knows.
      if (messages.length > 1) for (const message of messages) this.sendIfCopied(message)
      throw error
    }
  }

  private sendIfCopied(message: ToWorker): void {
    try {
      this.post([message])
    } catch {
      // Told by the error of all of them.
    }
  }
}
