import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../../../src/base/random.ts'
import { FileTree } from '../../../src/testing/simulation/file-tree.ts'
import { runs } from '../../support/runs.ts'

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text))

function write(tree: FileTree, path: string, text: string): void {
  tree.create(path, false).bytes = bytes(text)
}

const textOf = (tree: FileTree, path: string): string | undefined =>
  tree.exists(path) ? Buffer.from(tree.file(path).bytes).toString() : undefined

/** What is to be seen after the power failed, for many seeds. */
function afterLoss<R>(make: () => FileTree, look: (tree: FileTree) => R): Set<R> {
  const seen = new Set<R>()
  for (let seed = 0; seed < runs + 40; seed++) {
    const tree = make()
    tree.lose(new Random(seed))
    seen.add(look(tree))
  }
  return seen
}

describe('a simulated disk', () => {
  it('errors as a file system does', () => {
    const tree = new FileTree()
    tree.makeDirectory('/a/b')
    write(tree, '/a/b/c', 'x')
    const cases: readonly (readonly [() => unknown, string])[] = [
      [() => tree.create('/a/b/c', true), 'EEXIST'],
      [() => tree.create('/none/c', true), 'ENOENT'],
      [() => tree.create('/a/b/c/d', true), 'ENOTDIR'],
      [() => tree.create('/a/b', false), 'EISDIR'],
      [() => tree.file('/a/none'), 'ENOENT'],
      [() => tree.list('/none'), 'ENOENT'],
      [() => tree.list('/a/b/c'), 'ENOTDIR'],
      [() => tree.link('/a/b/c', '/a/b/c'), 'EEXIST'],
      [() => tree.rename('/none', '/a/d'), 'ENOENT'],
      [() => tree.rename('/a/b/c', '/a/b'), 'ENOTEMPTY'],
      [() => tree.sync('/none'), 'ENOENT'],
      [() => tree.makeDirectory('/a/b/c/d'), 'ENOTDIR'],
    ]
    for (const [run, code] of cases) assert.throws(run, { code })
  })

  it('has two names for a linked file, and removes folders with all in them', () => {
    const tree = new FileTree()
    tree.makeDirectory('/a')
    write(tree, '/a/x', 'x')
    tree.link('/a/x', '/a/y')
    tree.remove('/a/x')
    assert.equal(textOf(tree, '/a/y'), 'x')
    tree.remove('/a')
    assert.equal(tree.exists('/a'), false)
  })

  it('keeps what was synced when the power fails', () => {
    const make = (): FileTree => {
      const tree = new FileTree()
      tree.makeDirectory('/a')
      write(tree, '/a/x', 'whole')
      tree.sync('/a/x')
      tree.sync('/a')
      tree.sync('/')
      return tree
    }
    assert.deepEqual([...afterLoss(make, tree => textOf(tree, '/a/x'))], ['whole'])
  })

  it('may lose bytes wholly or in part, or leave zeros in their place', () => {
    const make = (): FileTree => {
      const tree = new FileTree()
      write(tree, '/x', 'ab')
      tree.sync('/x')
      tree.sync('/')
      tree.file('/x').bytes = bytes('abcd')
      return tree
    }
    const seen = afterLoss(make, tree => textOf(tree, '/x'))
    assert.deepEqual([...seen].sort(), ['ab', 'ab\0\0', 'abc', 'abc\0', 'abcd'])
  })

  it('may lose names whose folder was not synced, each on its own', () => {
    const make = (): FileTree => {
      const tree = new FileTree()
      tree.makeDirectory('/a')
      tree.makeDirectory('/b')
      return tree
    }
    const seen = afterLoss(make, tree => `${tree.exists('/a')} ${tree.exists('/b')}`)
    assert.deepEqual([...seen].sort(), ['false false', 'false true', 'true false', 'true true'])
  })

  it('renames wholly or not at all, and does not do the second of two things before the first', () => {
    const make = (): FileTree => {
      const tree = new FileTree()
      tree.makeDirectory('/a')
      tree.makeDirectory('/b')
      write(tree, '/a/x', '1')
      tree.sync('/a/x')
      for (const path of ['/', '/a', '/b']) tree.sync(path)
      tree.rename('/a/x', '/b/y')
      tree.rename('/b/y', '/b/z')
      return tree
    }
    const seen = afterLoss(make, tree => [...tree.list('/a'), ...tree.list('/b')].join())
    assert.deepEqual([...seen].sort(), ['x', 'y', 'z'])
  })

  it('brings to the disk, with a name, what happened to it before', () => {
    const make = (): FileTree => {
      const tree = new FileTree()
      tree.makeDirectory('/a')
      tree.makeDirectory('/b')
      tree.sync('/')
      write(tree, '/a/x', '1')
      tree.rename('/a/x', '/b/x')
      // Both sides of the rename.
      tree.sync('/b')
      return tree
    }
    assert.deepEqual(
      [...afterLoss(make, tree => [...tree.list('/a'), '/', ...tree.list('/b')].join(''))],
      ['/x'],
    )
  })
})
