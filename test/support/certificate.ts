/** Keys for servers of tests that speak TLS. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A key with a certificate of its own, made by Java's tool: the services need Java. */
export function certificate(): { readonly pfx: Buffer; readonly ca: string; readonly passphrase: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kindling-tls-'))
  const passphrase = randomUUID()
  const access = [
    '-keystore',
    join(folder, 'key.p12'),
    '-storepass',
    passphrase,
    '-alias',
    'one',
    '-storetype',
    'PKCS12',
  ]
  const names = ['-dname', 'CN=localhost', '-ext', 'san=dns:localhost,ip:127.0.0.1']
  execFileSync('keytool', ['-genkeypair', ...access, '-keyalg', 'EC', '-validity', '2', ...names], {
    stdio: 'ignore',
  })
  const ca = execFileSync('keytool', ['-exportcert', '-rfc', ...access], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const pfx = readFileSync(join(folder, 'key.p12'))
  rmSync(folder, { recursive: true })
  return { pfx, ca, passphrase }
}
