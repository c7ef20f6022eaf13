/**
 * Kafka, one node that is broker and controller (KRaft). Clients come in by plain text, by TLS, or with SASL (SCRAM-SHA-256 and PLAIN)
 * over plain text.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findOrFail, run } from '../commands.ts'
import { firstBytes } from '../ports.ts'
import { mavenJars } from '../registries.ts'
import type { Run, Service } from '../service.ts'
import { JAVA_NEEDS, java } from './java.ts'

// Without a binding of slf4j the broker logs nothing at all.
const JARS = ['org.apache.kafka:kafka_2.13:4.4.0', 'org.slf4j:slf4j-simple:1.7.36']
const STORE_PASSWORD = 'changeit'
const LOGGING = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

/** Addresses by kind of access; users and passwords of the SASL listener; the certificate to trust. */
export interface KafkaConnection {
  readonly [key: string]: string
  readonly brokers: string
  readonly saslBrokers: string
  readonly tlsBrokers: string
  /** PEM file. */
  readonly ca: string
  readonly scramUser: string
  readonly scramPassword: string
  readonly plainUser: string
  readonly plainPassword: string
}

const users = {
  scramUser: 'alice',
  scramPassword: 'alice-secret',
  plainUser: 'bob',
  plainPassword: 'bob-secret',
} as const

/** See the file head. */
export const kafka: Service<KafkaConnection> = {
  name: 'kafka',
  needs: JAVA_NEEDS,
  ports: ['plain', 'controller', 'sasl', 'tls'],

  async provision() {
    return { jars: await mavenJars('kafka', JARS) }
  },

  async prepare(server) {
    writeFileSync(settingsOf(server), settings(server))
    await makeCertificate(server)
    const scram = `SCRAM-SHA-256=[name=${users.scramUser},password=${users.scramPassword}]`
    const args = ['format', '-t', 'S2luZGxpbmctdGVzdHMxMg', '-c', settingsOf(server), '--add-scram', scram]
    const format = java(classPath(server), 'kafka.tools.StorageTool', args, { options: LOGGING })
    await run(format.command, format.args)
  },

  processes: server => [
    {
      name: 'broker',
      ...java(classPath(server), 'kafka.Kafka', [settingsOf(server)], { heapMb: 256, options: LOGGING }),
    },
  ],

  async isReady({ ports }) {
    // ApiVersions, version 0: the shortest request. Its answer begins with its length and the correlation id.
    const answer = await firstBytes(ports['plain']!, '\0\0\0\x0a\0\x12\0\0\0\0\0\x07\0\0')
    return answer.slice(4, 8) === '\0\0\0\x07'
  },

  connection: ({ ports, folder }) => ({
    brokers: `127.0.0.1:${ports['plain']}`,
    saslBrokers: `127.0.0.1:${ports['sasl']}`,
    tlsBrokers: `localhost:${ports['tls']}`,
    ca: join(folder, 'ca.pem'),
    ...users,
  }),
}

const classPath = ({ software }: Run): string[] => [join(software['jars']!, '*')]
const settingsOf = ({ folder }: Run): string => join(folder, 'server.properties')

/** The broker's own, which is its authority too. */
async function makeCertificate({ folder }: Run): Promise<void> {
  const store = join(folder, 'broker.p12')
  const keytool = findOrFail('keytool', 'a Java runtime')
  const access = ['-alias', 'broker', '-keystore', store, '-storepass', STORE_PASSWORD]
  const names = ['-dname', 'CN=localhost', '-ext', 'SAN=dns:localhost,ip:127.0.0.1', '-validity', '3650']
  const key = ['-keyalg', 'EC', '-groupname', 'secp256r1', '-storetype', 'PKCS12']
  await run(keytool, ['-genkeypair', ...access, ...key, ...names])
  writeFileSync(join(folder, 'ca.pem'), await run(keytool, ['-exportcert', '-rfc', ...access]))
}

function settings({ folder, ports }: Run): string {
  const at = (name: string, port: string): string => `${name}://127.0.0.1:${ports[port]}`
  const clients = [at('PLAINTEXT', 'plain'), at('SASL', 'sasl')]
  const jaas = 'org.apache.kafka.common.security'
  return `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports['controller']}
controller.listener.names=CONTROLLER
listeners=${[...clients, at('CONTROLLER', 'controller'), at('SSL', 'tls')].join()}
advertised.listeners=${[...clients, `SSL://localhost:${ports['tls']}`].join()}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL
inter.broker.listener.name=PLAINTEXT
log.dirs=${join(folder, 'data')}
auto.create.topics.enable=false
num.partitions=1
num.network.threads=2
num.io.threads=2
background.threads=1
# After kill -9 the next process may register only when the session of the last is over, by default 9 s.
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
controlled.shutdown.enable=false
# One broker: topics of its own with one replica, and with few partitions, which are made at first use.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# Retention and compaction happen while a test waits.
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=0
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=8388608
sasl.enabled.mechanisms=SCRAM-SHA-256,PLAIN
listener.name.sasl.scram-sha-256.sasl.jaas.config=${jaas}.scram.ScramLoginModule required;
listener.name.sasl.plain.sasl.jaas.config=${jaas}.plain.PlainLoginModule required user_${users.plainUser}="${users.plainPassword}";
ssl.keystore.type=PKCS12
ssl.keystore.location=${join(folder, 'broker.p12')}
ssl.keystore.password=${STORE_PASSWORD}
ssl.key.password=${STORE_PASSWORD}
ssl.client.auth=none
`
}
