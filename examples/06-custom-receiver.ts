/**
 * Words from a receiver of your own, which reads a socket line by line and connects again when it breaks: CustomReceiver.
 *
 *   nc -lk 9999                                                 in one terminal: type into it
 *   npx kindling run examples/06-custom-receiver.ts localhost 9999
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Receiver, StreamingContext, seconds } from 'kindling'

class LineReceiver extends Receiver<string> {
  private readonly host: string
  private readonly port: number
  private socket: Socket | undefined

  constructor(host: string, port: number) {
    super()
    this.host = host
    this.port = port
  }

  override onStart(): void {
    const socket = connect(this.port, this.host)
    this.socket = socket
    socket.on('error', error => this.restart(`cannot read ${this.host}:${this.port}`, error))
    socket.on('end', () => this.restart('the other side has ended'))
    void this.read(socket)
  }

  override onStop(): void {
    this.socket?.destroy()
  }

  private async read(socket: Socket): Promise<void> {
    for await (const line of createInterface({ input: socket })) {
      if (this.isStopped()) return
      // A source that is too fast waits here.
      await this.store(line)
    }
  }
}

const [host = 'localhost', port = '9999'] = process.argv.slice(2)

await using ssc = new StreamingContext({ appName: 'own receiver', batchDuration: seconds(1) })

ssc
  .receiverStream(new LineReceiver(host, Number(port)))
  .flatMap(line => line.split(' '))
  .countByValue()
  .print()

await ssc.start()
await ssc.awaitTermination()
