import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ArchiveTree } from '../../../builder/sources/archive.ts'
import { resolveIn } from '../../../builder/sources/tree.ts'
import { realFolder } from '../../../fixtures/cli.ts'
import { type TarMember, tarOf } from '../../../fixtures/tars.ts'
import { bytesOfText } from '../../../native/wire.ts'
import { parseToc } from '../../../registry/store/toc.ts'
import { openTestNative } from '../../registry/store/native.ts'

const signal = new AbortController().signal
const native = openTestNative()

describe('ArchiveTree', () => {
  let folder: string
  let files = 0
  before(() => {
    folder = realFolder('archive')
  })
  after(() => rmSync(folder, { recursive: true }))
  const temporary = async () => join(folder, `t${files++}`)

  async function mounted(members: readonly TarMember[], mount = '', codec: 'none' | 'gzip' = 'none') {
    const [path, toc] = [await temporary(), await temporary()]
    const tar = tarOf(members)
    writeFileSync(path, codec === 'gzip' ? gzipSync(tar) : tar)
    await native.index({ blob: { path: bytesOfText(path), codec }, toc: bytesOfText(toc) }, signal)
    return { path: bytesOfText(path), codec, entries: parseToc(readFileSync(toc)).entries, mount }
  }
  const treeOf = async (members: readonly TarMember[], root?: string) =>
    new ArchiveTree([await mounted(members)], { label: 'the tar', native, temporary, root })
  const paths = async (tree: ArchiveTree) => (await tree.below('')).map((entry) => entry.path)
  const text = async (tree: ArchiveTree, path: string) => {
    const bytes = await tree.readFile(path, 1000, signal)
    return bytes === undefined ? undefined : Buffer.from(bytes).toString()
  }

  it('has the members, and the directories that none of them is', async () => {
    const tree = await treeOf([
      { path: './', flag: '5' },
      { path: './b/c/d', content: 'd' },
      { path: 'a', content: 'a' },
    ])
    assert.deepEqual(await paths(tree), ['a', 'b', 'b/c', 'b/c/d'])
    assert.equal((await tree.at('b'))?.mode, 0o755)
  })
  it('keeps owners, and knows names of one file', async () => {
    const tree = await treeOf([
      { path: 'a', content: 'a', uid: 5, gid: 6 },
      { path: 'b', flag: '1', link: 'a' },
    ])
    const [a, b] = await tree.below('')
    assert.deepEqual([a?.uid, b?.gid, b?.type], [5, 6, 'file'])
    assert.equal(a?.sameFile, b?.sameFile)
  })
  it('takes the last of several members of one name', async () => {
    const tree = await treeOf([
      { path: 'a', content: '1' },
      { path: 'd/x', content: 'x' },
      { path: 'd', content: 'file' },
      { path: 'a', content: '2' },
    ])
    assert.deepEqual(await paths(tree), ['a', 'd'])
    assert.equal(await text(tree, 'a'), '2')
  })
  it('puts what goes through a link where the link leads, inside', async () => {
    const tree = await treeOf([
      { path: 'l', flag: '2', link: '../../etc' },
      { path: 'l/passwd', content: 'mine' },
    ])
    assert.deepEqual(await paths(tree), ['etc', 'etc/passwd', 'l'])
    assert.equal(await text(tree, 'l/passwd'), 'mine')
  })
  it('follows absolute links from its own root', async () => {
    const tree = await treeOf([{ path: 'passwd', flag: '2', link: '/etc/passwd' }])
    assert.equal(await text(tree, 'passwd'), undefined)
    assert.equal(await resolveIn(tree, 'passwd'), 'etc/passwd')
  })
  it('has absolute names below its root', async () =>
    assert.deepEqual(await paths(await treeOf([{ path: '/etc/passwd', content: 'x' }])), ['etc', 'etc/passwd']))
  it('refuses names that lead out of it', async () => {
    await assert.rejects(treeOf([{ path: '../x', content: 'x' }]), { code: 'NATIVE_FAILURE' })
    await assert.rejects(treeOf([{ path: 'a/../../x', content: 'x' }]), { code: 'NATIVE_FAILURE' })
  })
  it('refuses hard links to what it has not', async () => {
    await assert.rejects(treeOf([{ path: 'a', flag: '1', link: '/etc/passwd' }]), { code: 'ARCHIVE_INVALID' })
  })
  it('does not go round in links', async () => {
    await assert.rejects(
      treeOf([
        { path: 'a', flag: '2', link: 'b' },
        { path: 'b', flag: '2', link: 'a' },
        { path: 'a/x', content: 'x' },
      ]),
      { code: 'PATH_LOOP' },
    )
  })
  it('has names that mean deletion in a layer as names', async () => {
    assert.deepEqual(
      await paths(
        await treeOf([
          { path: '.wh.a', content: '' },
          { path: 'a', content: 'a' },
        ]),
      ),
      ['.wh.a', 'a'],
    )
  })
  it('begins where it is told, links followed inside', async () => {
    const members = [
      { path: 'a/b/c', content: 'c' },
      { path: 'l', flag: '2', link: 'a/b' },
    ]
    assert.deepEqual(await paths(await treeOf(members, 'l')), ['c'])
    await assert.rejects(treeOf(members, 'a/b/c'), { code: 'SUBDIR_MISSING' })
  })
  it('puts archives over each other, each below its own directory', async () => {
    const archives = [
      await mounted([
        { path: 'm', flag: '5' },
        { path: 'a', content: 'a' },
      ]),
      await mounted([{ path: 'x', content: 'x' }], 'm', 'gzip'),
    ]
    const tree = new ArchiveTree(archives, { label: 'both', native, temporary })
    assert.deepEqual(await paths(tree), ['a', 'm', 'm/x'])
    assert.equal(await text(tree, 'm/x'), 'x')
  })
  it('names the nearest path for one that is not there', async () => {
    const tree = await treeOf([
      { path: 'src/deep/config.json', content: '' },
      { path: 'README.md', content: '' },
    ])
    assert.equal(await tree.explainMissing('config.json'), 'did you mean src/deep/config.json?')
    assert.equal(await tree.explainMissing('READM.md'), 'did you mean README.md?')
    assert.equal(await tree.explainMissing('src/dep/config.json'), 'did you mean src/deep/config.json?')
    assert.equal(await tree.explainMissing('zzzzzz'), undefined)
  })
})
