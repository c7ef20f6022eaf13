/** Streams of Kinesis at a server for tests. */
import { randomBytes } from 'node:crypto'
import {
  CreateStreamCommand,
  DescribeStreamCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { KinesisOptions } from 'kindling/connectors/kinesis'
import { until } from 'kindling/testing'
import type { AWSConnection } from '../../scripts/services/servers/aws.ts'

/** See the file head. */
export class KinesisStreams implements Disposable {
  readonly client: KinesisClient
  private readonly connection: AWSConnection

  constructor(connection: AWSConnection) {
    this.connection = connection
    this.client = new KinesisClient({ ...this.options(''), requestHandler: new NodeHttpHandler() })
  }

  /** How a program reaches it. */
  options(stream: string): KinesisOptions & { readonly region: string } {
    const { endpoint, region, accessKeyId, secretAccessKey } = this.connection
    return { stream, endpoint, region, credentials: { accessKeyId, secretAccessKey } }
  }

  /** A stream with a name of its own. */
  async stream(shards = 1): Promise<string> {
    const StreamName = `test-${randomBytes(5).toString('hex')}`
    await this.client.send(new CreateStreamCommand({ StreamName, ShardCount: shards }))
    await this.whenActive(StreamName)
    return StreamName
  }

  /** The key of a record is its text, up to a colon. */
  async send(StreamName: string, texts: readonly string[]): Promise<void> {
    for (let at = 0; at < texts.length; at += 400) {
      const Records = texts
        .slice(at, at + 400)
        .map(text => ({ PartitionKey: text.split(':')[0]!, Data: new TextEncoder().encode(text) }))
      await this.client.send(new PutRecordsCommand({ StreamName, Records }))
    }
  }

  /** Shards that take records now. */
  async open(StreamName: string): Promise<string[]> {
    const { Shards = [] } = await this.client.send(new ListShardsCommand({ StreamName }))
    return Shards.filter(shard => shard.SequenceNumberRange?.EndingSequenceNumber === undefined).map(
      ({ ShardId }) => ShardId!,
    )
  }

  async split(StreamName: string): Promise<void> {
    const { Shards = [] } = await this.client.send(new ListShardsCommand({ StreamName }))
    const [open] = await this.open(StreamName)
    const { StartingHashKey, EndingHashKey } = Shards.find(({ ShardId }) => ShardId === open)!.HashKeyRange!
    const middle = (BigInt(StartingHashKey!) + BigInt(EndingHashKey!)) / 2n
    const which = { StreamName, ShardToSplit: open, NewStartingHashKey: String(middle) }
    await this.client.send(new SplitShardCommand(which))
    await this.whenActive(StreamName)
  }

  /** The two that were made last, of one. */
  async merge(StreamName: string): Promise<void> {
    const [ShardToMerge, AdjacentShardToMerge] = (await this.open(StreamName)).slice(-2)
    await this.client.send(new MergeShardsCommand({ StreamName, ShardToMerge, AdjacentShardToMerge }))
    await this.whenActive(StreamName)
  }

  private async whenActive(StreamName: string): Promise<void> {
    await until(async () => {
      const { StreamDescription } = await this.client.send(new DescribeStreamCommand({ StreamName }))
      return StreamDescription?.StreamStatus === 'ACTIVE'
    })
  }

  [Symbol.dispose](): void {
    this.client.destroy()
  }
}
