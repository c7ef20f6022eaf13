/** A cluster in memory that speaks WebHDFS, for examples; what the real one does is tested in test/integration/hdfs. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Entry {
  readonly bytes: Buffer | undefined
  readonly modified: number
}

/** Starts one, which holds up no program's end. Gives the address of its name node. */
export async function fakeHdfs(): Promise<string> {
  const entries = new Map<string, Entry>([['/', { bytes: undefined, modified: 0 }]])
  const server = createServer((request, response) => void answer(entries, request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function answer(
  entries: Map<string, Entry>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url!, `http://${request.headers.host}`)
  const path = decodeURIComponent(url.pathname.slice('/webhdfs/v1'.length)).replace(/(.)\/$/, '$1')
  const query = url.searchParams
  const json = (value: unknown): void => void response.end(JSON.stringify(value))
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const body = Buffer.concat(pieces)
  const entry = entries.get(path)
  const put = (at: string, bytes: Buffer | undefined): void => {
    for (let i = at.indexOf('/', 1); i > 0; i = at.indexOf('/', i + 1))
      if (!entries.has(at.slice(0, i))) entries.set(at.slice(0, i), { bytes: undefined, modified: 0 })
    entries.set(at, { bytes, modified: 0 })
  }
  const missing = (): void => {
    response.statusCode = 404
    json({ RemoteException: { exception: 'FileNotFoundException', message: `${path} is not there` } })
  }
  switch (query.get('op')) {
    case 'GETFILESTATUS':
      return entry === undefined ? missing() : json({ FileStatus: statusOf('', entry) })
    case 'LISTSTATUS_BATCH': {
      if (entry === undefined) return missing()
      const folder = path === '/' ? path : `${path}/`
      const within = [...entries].filter(
        ([name]) => name !== path && name.startsWith(folder) && !name.slice(folder.length).includes('/'),
      )
      const statuses = within.map(([name, e]) => statusOf(name.slice(folder.length), e))
      return json({
        DirectoryListing: {
          partialListing: { FileStatuses: { FileStatus: statuses } },
          remainingEntries: 0,
        },
      })
    }
    case 'OPEN':
    case 'CREATE':
    case 'APPEND': {
      if (!query.has('data')) {
        if (entry?.bytes === undefined && query.get('op') !== 'CREATE') return missing()
        query.set('data', 'true')
        response.writeHead(307, { location: url.href })
        return void response.end()
      }
      if (query.get('op') === 'OPEN') {
        const from = Number(query.get('offset') ?? 0)
        const length = query.get('length')
        return void response.end(
          entry!.bytes!.subarray(from, length === null ? undefined : from + Number(length)),
        )
      }
      put(path, query.get('op') === 'CREATE' ? body : Buffer.concat([entry!.bytes!, body]))
      return void response.end()
    }
    case 'MKDIRS':
      put(path, undefined)
      return json({ boolean: true })
    case 'RENAME': {
      const to = query.get('destination')!
      const overwrites = query.get('renameoptions') === 'OVERWRITE'
      if (entry === undefined && overwrites) return missing()
      const can = entry !== undefined && (overwrites || !entries.has(to))
      if (can) {
        entries.delete(path)
        put(to, entry.bytes)
      }
      return json({ boolean: can })
    }
    case 'DELETE':
      for (const name of [...entries.keys()]) if (name.startsWith(`${path}/`)) entries.delete(name)
      return json({ boolean: entries.delete(path) })
    default:
      response.statusCode = 400
      response.end()
  }
}

function statusOf(name: string, { bytes, modified }: Entry): unknown {
  return {
    pathSuffix: name,
    type: bytes === undefined ? 'DIRECTORY' : 'FILE',
    length: bytes?.length ?? 0,
    modificationTime: modified,
  }
}
