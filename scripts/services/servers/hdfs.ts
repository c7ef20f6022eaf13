/** HDFS: a namenode and a datanode, without permissions, reached by WebHDFS. Blocks are 1 MiB, so that small files have several. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../commands.ts'
import { mavenJars } from '../registries.ts'
import type { Run, Service } from '../service.ts'
import { JAVA_NEEDS, java } from './java.ts'

const VERSION = '3.4.2'
const JARS = ['hadoop-common', 'hadoop-hdfs', 'hadoop-hdfs-client'].map(
  artifact => `org.apache.hadoop:${artifact}:${VERSION}`,
)
const SERVER = 'org.apache.hadoop.hdfs.server'
// WebHDFS answers through an old JAXB, which defines classes by reflection: without this every call is an error 500 on Java 17.
const OPENS = ['--add-opens', 'java.base/java.lang=ALL-UNNAMED']

/** Where WebHDFS answers, and as whom to call it. */
export interface HDFSConnection {
  readonly [key: string]: string
  /** Of the namenode. */
  readonly url: string
  readonly user: string
}

/** See the file head. */
export const hdfs: Service<HDFSConnection> = {
  name: 'hdfs',
  needs: JAVA_NEEDS,
  ports: ['rpc', 'namenode', 'data', 'ipc', 'datanode'],

  async provision() {
    return { jars: await mavenJars('hdfs', JARS) }
  },

  async prepare(server) {
    const conf = join(server.folder, 'conf')
    // The pages of the web interface are no part of the jars, and the servers want their folders.
    for (const pages of ['hdfs', 'datanode']) mkdirSync(join(conf, 'webapps', pages), { recursive: true })
    writeFileSync(join(conf, 'core-site.xml'), properties(coreSettings(server)))
    writeFileSync(join(conf, 'hdfs-site.xml'), properties(hdfsSettings(server)))
    writeFileSync(join(conf, 'log4j.properties'), LOGGING)
    const format = main(server, 'namenode.NameNode', ['-format', '-nonInteractive'])
    await run(format.command, format.args)
  },

  processes: server => [
    { name: 'namenode', ...main(server, 'namenode.NameNode') },
    { name: 'datanode', ...main(server, 'datanode.DataNode') },
  ],

  /** A write is possible: out of safe mode, with a datanode that answers. The namenode believes a dead one alive for a while. */
  async isReady({ ports }) {
    const bean = 'Hadoop:service=NameNode,name=FSNamesystemState'
    const state = await jmx(ports['namenode']!, bean)
    await jmx(ports['datanode']!, 'none:none=none')
    return state?.['FSState'] === 'Operational' && state['NumLiveDataNodes'] === 1
  },

  connection: ({ ports }) => ({ url: `http://127.0.0.1:${ports['namenode']}`, user: 'tester' }),
}

const LOGGING = `log4j.rootLogger=WARN,A
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d %p %c{2}: %m%n
`

function main(
  { folder, software }: Run,
  name: string,
  args: readonly string[] = [],
): { readonly command: string; readonly args: readonly string[] } {
  const conf = join(folder, 'conf')
  return java([conf, join(software['jars']!, '*')], `${SERVER}.${name}`, args, {
    options: [
      ...OPENS,
      `-Dhadoop.log.dir=${folder}`,
      `-Dlog4j.configuration=file:${join(conf, 'log4j.properties')}`,
    ],
  })
}

async function jmx(port: number, bean: string): Promise<Record<string, unknown> | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/jmx?qry=${bean}`, {
    signal: AbortSignal.timeout(2000),
  })
  const { beans } = (await answer.json()) as { readonly beans: readonly Record<string, unknown>[] }
  return beans[0]
}

const coreSettings = ({ folder, ports }: Run): Record<string, unknown> => ({
  'fs.defaultFS': `hdfs://127.0.0.1:${ports['rpc']}`,
  'hadoop.tmp.dir': join(folder, 'tmp'),
  'hadoop.http.staticuser.user': 'tester',
})

const hdfsSettings = ({ folder, ports }: Run): Record<string, unknown> => ({
  'dfs.replication': 1,
  'dfs.permissions.enabled': false,
  'dfs.namenode.name.dir': `file://${join(folder, 'name')}`,
  'dfs.datanode.data.dir': `file://${join(folder, 'data')}`,
  'dfs.namenode.rpc-address': `127.0.0.1:${ports['rpc']}`,
  'dfs.namenode.http-address': `127.0.0.1:${ports['namenode']}`,
  'dfs.datanode.address': `127.0.0.1:${ports['data']}`,
  'dfs.datanode.ipc.address': `127.0.0.1:${ports['ipc']}`,
  'dfs.datanode.http.address': `127.0.0.1:${ports['datanode']}`,
  'dfs.datanode.hostname': '127.0.0.1',
  'dfs.namenode.datanode.registration.ip-hostname-check': false,
  // Out of safe mode as soon as the datanode is there, and a dead datanode is noticed after some 12 s.
  'dfs.namenode.safemode.extension': 0,
  'dfs.namenode.safemode.min.datanodes': 1,
  'dfs.heartbeat.interval': 1,
  'dfs.namenode.heartbeat.recheck-interval': 1000,
  'dfs.blocksize': 2 ** 20,
  'dfs.namenode.fs-limits.min-block-size': 1024,
  // With one datanode there is no other to append to after a fault.
  'dfs.client.block.write.replace-datanode-on-failure.policy': 'NEVER',
})

function properties(settings: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `<property><name>${name}</name><value>${value}</value></property>`,
  )
  return `<configuration>\n${lines.join('\n')}\n</configuration>\n`
}
