/**
 * Runs a program as Jest does: it and all that it imports, the engine too, in a context of its own with another global object, under
 * paths in place of URLs. `node --experimental-vm-modules --conditions=source vm-runner.ts app.ts`
 */
import { readFileSync } from 'node:fs'
import { createRequire, findPackageJSON, stripTypeScriptTypes } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'

const OWN = new Set([
  'Object',
  'Function',
  'Array',
  'Error',
  'Promise',
  'Symbol',
  'Map',
  'Set',
  'Date',
  'RegExp',
])
const globals = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis)
    .filter(
      name => !OWN.has(name) && !['globalThis', 'global'].includes(name) && !(name in vm.createContext()),
    )
    .map(name => [name, Reflect.get(globalThis, name)]),
)
const context = vm.createContext({ ...globals })
const modules = new Map<string, Promise<vm.Module>>()

function load(path: string): Promise<vm.Module> {
  let module = modules.get(path)
  if (module === undefined) {
    module = make(path)
    modules.set(path, module)
  }
  return module
}

async function make(path: string): Promise<vm.Module> {
  if (path.startsWith('node:') || !/\.m?[jt]s$/.test(path)) return await synthetic(path)
  const text = readFileSync(path, 'utf8')
  return new vm.SourceTextModule(path.endsWith('.ts') ? stripTypeScriptTypes(text) : text, {
    context,
    identifier: path,
    initializeImportMeta(meta) {
      meta.url = pathToFileURL(path).href
    },
    importModuleDynamically: async specifier => await linked(await load(locate(specifier, path))),
  })
}

async function synthetic(path: string): Promise<vm.Module> {
  const exports = (await import(path)) as Record<string, unknown>
  const names = Object.keys(exports)
  return new vm.SyntheticModule(
    names,
    function (this: vm.SyntheticModule) {
      for (const name of names) this.setExport(name, exports[name])
    },
    { context, identifier: path },
  )
}

function locate(specifier: string, from: string): string {
  if (specifier.startsWith('node:')) return specifier
  if (/^[./]/.test(specifier)) return resolve(dirname(from), specifier)
  const main = JSON.parse(readFileSync(findPackageJSON(specifier, pathToFileURL(from))!, 'utf8')) as {
    readonly module?: string
  }
  const folder = dirname(findPackageJSON(specifier, pathToFileURL(from))!)
  return main.module === undefined ? createRequire(from).resolve(specifier) : join(folder, main.module)
}

async function linked(module: vm.Module): Promise<vm.Module> {
  if (module.status === 'unlinked')
    await module.link((specifier, referencing) => load(locate(specifier, referencing.identifier)))
  await module.evaluate()
  return module
}

await linked(await load(resolve(process.argv[2]!)))
