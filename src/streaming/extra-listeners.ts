/**
 * Listeners named in `spark.streaming.extraListeners`, loaded when a context starts.
 *
 *   ./metrics.ts, @acme/kindling-listener, ./listeners.ts#Slow
 *
 * A path counts from the working directory, anything else is a package as the program would find it from there. The default export,
 * or the one named after `#`, is a listener, or makes one: a class is constructed with the configuration, a function called with it.
 */
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Config, configEntries } from '../base/config.ts'
import { KindlingError } from '../base/errors.ts'
import type { StreamingListener } from './listener.ts'

type Made = Partial<StreamingListener>

/** @throws EXTRA_LISTENER_FAILED naming the module */
export async function extraListeners(conf: Config): Promise<Made[]> {
  const names = conf.get(configEntries.extraListeners)?.split(',') ?? []
  const listeners: Made[] = []
  for (const name of names.map(text => text.trim()).filter(text => text !== ''))
    try {
      listeners.push(await load(name, conf))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new KindlingError('EXTRA_LISTENER_FAILED', { module: name, reason }, { cause: error })
    }
  return listeners
}

async function load(name: string, conf: Config): Promise<Made> {
  const [specifier = '', exportName = 'default'] = name.split('#')
  const module = (await import(urlOf(specifier))) as Record<string, unknown>
  const exported = module[exportName]
  const listener = typeof exported === 'function' ? make(exported as Maker, conf) : exported
  if (typeof listener === 'object' && listener !== null) return listener as Made
  throw new KindlingError('INVALID_ARGUMENT', {
    what: `its export ${exportName}`,
    value: exported,
    expected: 'a listener, or a class or function that makes one',
  })
}

function urlOf(specifier: string): string {
  if (specifier.startsWith('.') || isAbsolute(specifier)) return pathToFileURL(resolve(specifier)).href
  if (/^(file|node|data):/.test(specifier)) return specifier
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(specifier)).href
  } catch {
    // A package that can only be imported: found from here.
    return specifier
  }
}

type Maker = (conf: Config) => unknown

function make(exported: Maker, conf: Config): unknown {
  const isClass = /^class\b/.test(Function.prototype.toString.call(exported))
  return isClass ? Reflect.construct(exported, [conf]) : exported(conf)
}
