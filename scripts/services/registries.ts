/**
 * Software from the package registries, through their ordinary clients as the machine has set them up. Nothing is installed into the
 * system: all of it goes into the cache folder.
 */
import { globSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { find, findOrFail, run } from './commands.ts'
import { softwareFolder } from './folders.ts'

/**
 * A folder with the jars of some Maven artifacts and all that these need to run.
 *
 * @param artifacts `group:artifact:version`
 */
export function mavenJars(name: string, artifacts: readonly string[]): Promise<string> {
  return softwareFolder(name, artifacts, async folder => {
    findOrFail('java', 'a Java runtime of version 17 or newer')
    const maven = findOrFail('mvn', 'Maven')
    const pom = join(folder, 'pom.xml')
    writeFileSync(pom, pomOf(name, artifacts))
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`]
    await run(maven, ['--quiet', '--batch-mode', '--file', pom, ...goal])
  })
}

/** Nothing is compiled: Maven only finds out which jars belong together. */
function pomOf(name: string, artifacts: readonly string[]): string {
  const dependencies = artifacts.map(artifact => {
    const [group, id, version] = artifact.split(':')
    return `<dependency><groupId>${group}</groupId><artifactId>${id}</artifactId><version>${version}</version></dependency>`
  })
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>kindling.services</groupId><artifactId>${name}</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${dependencies.join('\n')}
</dependencies>
</project>
`
}

/** A folder with Python packages, for PYTHONPATH. @param requirements as pip takes them: `moto[server]==5.2.5` */
export function pythonPackages(name: string, requirements: readonly string[]): Promise<string> {
  return softwareFolder(name, requirements, async folder => {
    const python = findOrFail('python3', 'Python 3.9 or newer with pip')
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-input', '--root-user-action=ignore']
    await run(python, ['-m', 'pip', 'install', ...quiet, '--target', folder, ...requirements])
  })
}

/** A folder with Node packages, in its `node_modules`. Their install scripts do not run. @param wanted `name@version` */
export function npmPackages(name: string, wanted: readonly string[]): Promise<string> {
  return softwareFolder(name, wanted, async folder => {
    const npm = findOrFail('npm', 'npm')
    const quiet = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--no-package-lock']
    await run(npm, ['install', '--prefix', folder, ...quiet, ...wanted], { cwd: folder })
  })
}

/** Programs of Debian packages: the machine's own, or unpacked ones with libraries of their own. */
export interface DebianPrograms {
  /** Their folder. */
  readonly bin: string
  /** Root of the files that came with them: `/` for the machine's own. */
  readonly tree: string
  /** For LD_LIBRARY_PATH; '' for the machine's own. */
  readonly libraries: string
}

/**
 * @param packages the first one has the program
 * @param program one of them, by which they are found
 * @param places folders below the root of the package in which they may be, such as `usr/sbin`; globs
 */
export async function debianPrograms(
  packages: readonly string[],
  program: string,
  places: readonly string[],
): Promise<DebianPrograms> {
  const own = binOf('/', places, program)
  if (own !== undefined) return { bin: own, tree: '/', libraries: '' }
  const tree = await softwareFolder(packages[0]!, packages, folder => unpack(packages, folder))
  const bin = binOf(tree, places, program)
  if (bin === undefined) throw new Error(`the package ${packages[0]} does not have ${program}`)
  return {
    bin,
    tree,
    libraries: globSync('usr/lib/*-linux-gnu', { cwd: tree })
      .map(name => join(tree, name))
      .join(':'),
  }
}

function binOf(tree: string, places: readonly string[], program: string): string | undefined {
  const found = globSync(
    places.map(place => join(place, program)),
    { cwd: tree },
  ).sort()
  return found.length === 0 ? undefined : dirname(join(tree, found.at(-1)!))
}

/** The packages and those that they need and the machine does not have. */
async function unpack(packages: readonly string[], folder: string): Promise<void> {
  const get = find('apt-get')
  const install = `install ${packages.join(' and ')}`
  if (get === undefined) throw new Error(`this is no Debian to get it from; ${install}`)
  const plan = ['install', '--simulate', '--quiet', '--no-install-recommends', '--no-upgrade', ...packages]
  const isRoot = process.getuid?.() === 0
  let text = await run(get, plan).catch(() => undefined)
  if (text === undefined) {
    if (!isRoot) throw new Error(`the package lists lack it; run apt-get update as root, or ${install}`)
    await run(get, ['update', '--quiet'])
    text = await run(get, plan)
  }
  // What would only be upgraded has its present version before the parenthesis.
  const wanted = [...text.matchAll(/^Inst (\S+) \((\S+)/gm)].map(([, name, version]) => `${name}=${version}`)
  const sandbox = isRoot ? ['-o', 'APT::Sandbox::User=root'] : []
  await run(get, ['download', '--quiet', ...sandbox, ...wanted], { cwd: folder })
  for (const name of readdirSync(folder).filter(file => file.endsWith('.deb'))) {
    await run('dpkg-deb', ['--extract', join(folder, name), folder])
    rmSync(join(folder, name))
  }
}
