/** What a storage and a sink on the local file system have confirmed is there when the power fails. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger } from '../../src/base/logger.ts'
import { Random } from '../../src/base/random.ts'
import { fileSink } from '../../src/rdd/sink/file-sink.ts'
import type { OutputFiles } from '../../src/rdd/sink/output-files.ts'
import { LocalStorage } from '../../src/streaming/checkpoint/local-storage.ts'
import { FileTree } from '../../src/testing/simulation/file-tree.ts'
import { runs } from '../support/runs.ts'
import { treeFiles } from '../support/tree-files.ts'

const writer = { host: 'machine', pid: 1 }
const content = new Uint8Array([1, 2, 3])

function storageOn(tree: FileTree, files: Partial<OutputFiles> = {}): LocalStorage {
  return new LocalStorage('/data/checkpoint', { files: { ...treeFiles(tree), ...files }, writer })
}

/** Does the same on new disks, loses the power in different ways each time, and looks. */
async function eachLoss(
  act: (tree: FileTree) => Promise<void>,
  look: (tree: FileTree) => Promise<void>,
): Promise<void> {
  for (let seed = 0; seed < runs; seed++) {
    const tree = new FileTree()
    await act(tree)
    tree.lose(new Random(seed))
    await look(tree)
  }
}

const isThere = (file: string) => async (tree: FileTree) =>
  assert.deepEqual(await storageOn(tree).read(file), content)

describe('files of a checkpoint directory, when the power fails', () => {
  it('are there, with the folders that were made for them', async () => {
    await eachLoss(
      tree => storageOn(tree).write('state/counts/0/1-1.image', content),
      isThere('state/counts/0/1-1.image'),
    )
    await eachLoss(
      async tree => assert.equal(await storageOn(tree).createIfAbsent('manifest-1', content), true),
      isThere('manifest-1'),
    )
  })

  it('are there when another process made the folders and died', async () => {
    await eachLoss(async tree => {
      tree.makeDirectory('/data/checkpoint/batches')
      await storageOn(tree).write('batches/1-1.plan', content)
    }, isThere('batches/1-1.plan'))
  })

  it('are there when a process found them that were written in part', async () => {
    const failing = async (path: string): Promise<void> => {
      throw Object.assign(new Error(`EIO: ${path}`), { code: 'EIO' })
    }
    await eachLoss(async tree => {
      let hit = false
      const sync = (path: string): Promise<void> => {
        hit = true
        return failing(path)
      }
      await assert.rejects(storageOn(tree, { sync }).write('batches/1-1.plan', content), {
        code: 'CHECKPOINT_NOT_WRITABLE',
      })
      assert.ok(hit)
      await storageOn(tree).settle('batches')
    }, isThere('batches/1-1.plan'))
    await eachLoss(async tree => {
      await storageOn(tree).write('log', content.slice(0, 1))
      const file = tree.file('/data/checkpoint/log')
      file.bytes = content.slice()
      await storageOn(tree).settle('log')
    }, isThere('log'))
    await eachLoss(async tree => {
      await assert.rejects(storageOn(tree, { sync: failing }).createIfAbsent('manifest-1', content))
      assert.equal(await storageOn(tree).createIfAbsent('manifest-1', content), false)
    }, isThere('manifest-1'))
  })

  it('settles nothing where there is nothing', async () => {
    await storageOn(new FileTree()).settle('batches')
  })
})

describe('what a process leaves that dies while it writes', () => {
  it('does not stop the next one of the same number, and goes', async () => {
    const tree = new FileTree()
    const never = (): Promise<never> => new Promise(() => {})
    const dying = storageOn(tree, { link: never, rename: never })
    void dying.createIfAbsent('manifest-1', content)
    void dying.write('batches/1-1.plan', content)
    await new Promise(resolve => setImmediate(resolve))
    tree.create('/data/checkpoint/.hidden', true)
    const left = (folder: string): number => tree.list(`/data/checkpoint/${folder}`).length
    assert.deepEqual([left(''), left('batches')], [3, 1])
    const next = storageOn(tree)
    assert.equal(await next.createIfAbsent('manifest-1', content), true)
    await next.clearUp('')
    await next.clearUp('batches')
    await next.clearUp('none')
    assert.deepEqual(tree.list('/data/checkpoint'), ['batches', '.hidden', 'manifest-1'])
    assert.equal(left('batches'), 0)
  })

  it('stays as long as it is being written', async () => {
    const tree = new FileTree()
    const going = Promise.withResolvers<void>()
    const storage = storageOn(tree, {
      async rename(from, to) {
        await going.promise
        tree.rename(from, to)
      },
    })
    const writing = storage.write('a', content)
    await new Promise(resolve => setImmediate(resolve))
    await storage.clearUp('')
    going.resolve()
    await writing
    assert.deepEqual(await storage.read('a'), content)
  })
})

describe('the fence of an output', () => {
  const output = { program: 'p', operatorId: 'out', logger: silentLogger }
  const sinkOn = (tree: FileTree, files: Partial<OutputFiles> = {}) =>
    fileSink<string>('/out/sums', { files: { ...treeFiles(tree), ...files } })

  it('is raised also when one that was overtaken takes its own away at that moment', async () => {
    const tree = new FileTree()
    const old = sinkOn(tree)
    await old.open?.({ ...output, epoch: 1 })
    let hits = 0
    const makeDirectory = async (path: string): Promise<void> => {
      tree.makeDirectory(path)
      if (++hits === 1) await old.close?.({ ...output, epoch: 1 })
    }
    await sinkOn(tree, { makeDirectory }).open?.({ ...output, epoch: 2 })
    assert.equal(hits, 2)
    await assert.rejects(async () => old.begin?.({ ...output, epoch: 1, batchTime: 1000 }), {
      code: 'SINK_FENCED',
    })
  })

  it('stays when one that was overtaken ends', async () => {
    const tree = new FileTree()
    const next = sinkOn(tree)
    const remove = async (path: string): Promise<void> => {
      tree.remove(path)
      // Between the file and its folder.
      if (path.endsWith('/1')) await next.open?.({ ...output, epoch: 2 })
    }
    const old = sinkOn(tree, { remove })
    await old.open?.({ ...output, epoch: 1 })
    await old.close?.({ ...output, epoch: 1 })
    await assert.rejects(async () => old.begin?.({ ...output, epoch: 1, batchTime: 1000 }), {
      code: 'SINK_FENCED',
    })
  })
})

describe('output, when the power fails', () => {
  const token = { program: 'p', operatorId: 'out', epoch: 1, batchTime: 1000 }
  const written = '/data/out/sums-1000/_SUCCESS'

  async function commit(tree: FileTree, files: Partial<OutputFiles> = {}): Promise<void> {
    const sink = fileSink<string>('/data/out/sums', { files: { ...treeFiles(tree), ...files } })
    await sink.open?.({ ...token, logger: silentLogger })
    await sink.begin?.(token)
    await sink.commit(token, [])
  }

  it('is there once it is committed, with the folder that was made for it', async () => {
    await eachLoss(commit, async tree => assert.equal(tree.exists(written), true))
  })

  it('is there when the sink was asked whether it holds it, and said that it does', async () => {
    await eachLoss(
      async tree => {
        const sync = async (path: string): Promise<void> => {
          if (path === '/data/out' && tree.exists(written)) throw new Error('EIO')
          tree.sync(path)
        }
        await assert.rejects(commit(tree, { sync }))
        const sink = fileSink<string>('/data/out/sums', { files: treeFiles(tree) })
        await sink.open?.({ ...token, epoch: 2, logger: silentLogger })
        assert.equal((await sink.committed([{ ...token, epoch: 2 }])).length, 1)
      },
      async tree => assert.equal(tree.exists(written), true),
    )
  })
})
