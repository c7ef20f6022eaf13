/** Keys for servers of tests that speak TLS. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { find } from '../../scripts/services/commands.ts'

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

/** Why there are no keys in files here; false where there are. */
export const noKeyFiles: string | false =
  find('openssl') === undefined ? 'there is no openssl on PATH, which makes keys as servers read them' : false

/** A key with a certificate of its own for 127.0.0.1, and for no name, as files for servers. */
export class KeyFiles implements Disposable {
  private readonly folder = mkdtempSync(join(tmpdir(), 'kindling-tls-'))
  readonly key: string = join(this.folder, 'key.pem')
  /** The certificate, which is its own authority. */
  readonly cert: string = join(this.folder, 'cert.pem')

  constructor() {
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const files = ['-keyout', this.key, '-out', this.cert]
    execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files], { stdio: 'ignore' })
  }

  /** To be trusted. */
  get ca(): string {
    return readFileSync(this.cert, 'utf8')
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}
