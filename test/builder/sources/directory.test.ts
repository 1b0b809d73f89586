import assert from 'node:assert/strict'
import { readIgnore } from '../../../builder/dockerfile/ignore.ts'
import { DirectoryTree } from '../../../builder/sources/directory.ts'
import type { FileDigests } from '../../../builder/sources/file-digests.ts'
import { select } from '../../../builder/steps/select.ts'
import type { NativeOps } from '../../../native/ops.ts'
import type { ListedEntry } from '../../../native/requests/files.ts'

const TREE: Readonly<Record<string, readonly string[]>> = {
  '': ['a/', 'node_modules/'],
  a: ['b/', 'f'],
  'a/b': ['c'],
  node_modules: ['deep/'],
  'node_modules/deep': ['x'],
}

/** The directories that a COPY has listed. */
async function listed(sources: string[], options: Parameters<typeof select>[2], ignore = ''): Promise<string[]> {
  const seen: string[] = []
  const list: NativeOps['list'] = async ({ directories }) => {
    seen.push(...directories)
    return directories.map((directory) => (TREE[directory] ?? []).map(entryOf))
  }
  const tree = new DirectoryTree('/context', {
    native: { list } as NativeOps,
    digests: {} as FileDigests,
    ignore: readIgnore(ignore, '.dockerignore'),
    ignoreFile: '.dockerignore',
    signal: new AbortController().signal,
  })
  await select(tree, sources, options)
  return seen
}

function entryOf(name: string, index: number): ListedEntry {
  const type = name.endsWith('/') ? 'directory' : 'file'
  const numbers = { mode: 0o755, uid: 0, gid: 0, size: 0, rdevMajor: 0, rdevMinor: 0, device: 1, inode: index, links: 1 }
  const times = { mtime: { seconds: 0, nanoseconds: 0 }, ctime: { seconds: 0, nanoseconds: 0 } }
  return { name: name.replace('/', ''), type, link: '', xattrs: [], ...numbers, ...times } as unknown as ListedEntry
}

describe('DirectoryTree lists', () => {
  it('everything for COPY .', async () => assert.deepEqual(await listed(['.'], {}), ['', 'a', 'node_modules', 'a/b', 'node_modules/deep']))
  it('nothing that .dockerignore leaves out', async () => assert.deepEqual(await listed(['.'], {}, 'node_modules'), ['', 'a', 'a/b']))
  it('nothing that --exclude leaves out', async () =>
    assert.deepEqual(await listed(['.'], { exclude: ['node_modules'] }), ['', 'a', 'a/b']))
  it('what a ! may let in again', async () =>
    assert.deepEqual(await listed(['.'], { exclude: ['node_modules', '!node_modules/kept'] }), ['', 'a', 'node_modules', 'a/b']))
})
