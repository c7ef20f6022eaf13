/**
 * A Flume agent: what comes by netcat, by lines added to a file and by files in a spool folder goes through a channel on disk, which outlives
 * the process, to an Avro sink, which sends to `sinkPort`. Nobody listens there until a test does; the agent tries again by itself.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accepts } from '../ports.ts'
import { mavenJars } from '../registries.ts'
import type { Run, Service } from '../service.ts'
import { JAVA_NEEDS, java } from './java.ts'

const JARS = ['org.apache.flume:flume-ng-node:1.11.0', 'org.slf4j:slf4j-simple:1.7.36']
const APPLICATION = 'org.apache.flume.node.Application'

/** Where events go in, and the port to which the agent sends them. */
export interface FlumeConnection {
  readonly [key: string]: string | number
  readonly netcatPort: number
  readonly sinkPort: number
  /** Lines added to it are events. */
  readonly tailFile: string
  /** The lines of files that appear in it are events. */
  readonly spoolFolder: string
}

/** See the file head. */
export const flume: Service<FlumeConnection> = {
  name: 'flume',
  needs: JAVA_NEEDS,
  ports: ['netcat', 'sink'],

  async provision() {
    return { jars: await mavenJars('flume', JARS) }
  },

  async prepare(server) {
    mkdirSync(join(server.folder, 'spool'), { recursive: true })
    writeFileSync(join(server.folder, 'tail.txt'), '')
    writeFileSync(settingsOf(server), settings(server))
  },

  processes: server => [
    {
      name: 'agent',
      ...java(
        [join(server.software['jars']!, '*')],
        APPLICATION,
        ['-n', 'agent', '-f', settingsOf(server), '--no-reload-conf'],
        { options: ['-Dorg.slf4j.simpleLogger.defaultLogLevel=info'] },
      ),
    },
  ],

  async isReady({ ports }) {
    return accepts(ports['netcat']!)
  },

  connection: ({ folder, ports }) => ({
    netcatPort: ports['netcat']!,
    sinkPort: ports['sink']!,
    tailFile: join(folder, 'tail.txt'),
    spoolFolder: join(folder, 'spool'),
  }),
}

const settingsOf = ({ folder }: Run): string => join(folder, 'agent.conf')

function settings({ folder, ports }: Run): string {
  return `
agent.sources = netcat tail spool
agent.channels = disk
agent.sinks = avro
agent.sources.netcat.type = netcat
agent.sources.netcat.bind = 127.0.0.1
agent.sources.netcat.port = ${ports['netcat']}
agent.sources.netcat.channels = disk
agent.sources.tail.type = exec
agent.sources.tail.command = tail -n +1 -F ${join(folder, 'tail.txt')}
agent.sources.tail.channels = disk
agent.sources.spool.type = spooldir
agent.sources.spool.spoolDir = ${join(folder, 'spool')}
agent.sources.spool.basenameHeader = true
agent.sources.spool.channels = disk
agent.channels.disk.type = file
agent.channels.disk.checkpointDir = ${join(folder, 'checkpoint')}
agent.channels.disk.dataDirs = ${join(folder, 'events')}
agent.channels.disk.minimumRequiredSpace = 1048576
agent.channels.disk.capacity = 100000
agent.channels.disk.transactionCapacity = 1000
agent.sinks.avro.type = avro
agent.sinks.avro.hostname = 127.0.0.1
agent.sinks.avro.port = ${ports['sink']}
agent.sinks.avro.batch-size = 100
agent.sinks.avro.request-timeout = 5000
agent.sinks.avro.connect-timeout = 5000
agent.sinks.avro.channel = disk
`
}
