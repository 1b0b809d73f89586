import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { access, chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises'
import { paxRecords, type TarMember, tarOf } from '../../../fixtures/tars.ts'
import { type Applied, apply, entryOf, inline, packRequest, readOwners, readToc, run, theAddon, useFolder } from './core.ts'

const ROOT_ONLY = process.getuid?.() === 0
const EBADMSG = 74

describe(`apply_layer${ROOT_ONLY ? '' : ' (skipped: it gives files to other owners, which takes root; the helper does it in a user namespace)'}`, function () {
  this.timeout(30_000)
  before(function () {
    if (!ROOT_ONLY) this.skip()
  })
  const folder = useFolder()
  beforeEach(async () => {
    await mkdir(folder.at('root'))
    await writeFile(folder.at('outside'), 'untouched')
    await mkdir(folder.at('outside-folder'))
  })

  async function applyTar(members: readonly TarMember[], words: string[] = [], zeros = 2): Promise<Applied> {
    const tar = folder.at(`layer${Math.random()}.tar`)
    await writeFile(tar, tarOf(members, zeros))
    return apply(folder.at('root'), tar, { words, owners: folder.path })
  }
  const at = (path: string) => folder.at(`root/${path}`)

  it('makes files, directories and links with their modes and times', async () => {
    const tar = tarOf([
      { path: 'd/', flag: '5', mode: 0o2750, mtime: 1000 },
      { path: 'd/f', content: 'hello', mode: 0o4711, pax: { mtime: '2000.123456789' } },
      { path: 'h', flag: '1', link: 'd/f' },
      { path: 's', flag: '2', link: '/d/f', mtime: 3000 },
      { path: 'p', flag: '6', mode: 0o600 },
    ])
    await writeFile(folder.at('layer'), tar)
    const applied = await apply(folder.at('root'), folder.at('layer'))
    assert.deepEqual(applied, {
      kind: 'done',
      diffID: createHash('sha256').update(tar).digest('hex'),
      tarSize: tar.length,
      droppedXattrs: 0,
    })
    assert.equal(await readFile(at('d/f'), 'utf8'), 'hello')
    const file = await stat(at('d/f'), { bigint: true })
    assert.deepEqual([file.mode & 0o7777n, file.mtimeNs, file.nlink], [0o4711n, 2000_123456789n, 2n])
    const directory = await stat(at('d'))
    assert.deepEqual([directory.mode & 0o7777, directory.mtimeMs], [0o2750, 1_000_000])
    assert.deepEqual([await readlink(at('s')), (await lstat(at('s'))).mtimeMs], ['/d/f', 3_000_000])
    assert.ok((await lstat(at('p'))).isFIFO())
  })

  it('gives files the owners of the archive', async function () {
    if (!ROOT_ONLY) return this.skip()
    await applyTar([
      { path: 'a', uid: 7, gid: 8, mode: 0o6755, content: 'x' },
      { path: 's', flag: '2', link: 'a', uid: 9, gid: 10 },
    ])
    const [file, link] = [await stat(at('a')), await lstat(at('s'))]
    assert.deepEqual([file.uid, file.gid, file.mode & 0o7777, link.uid, link.gid], [7, 8, 0o6755, 9, 10])
  })

  it('leaves holes where blocks are zero', async () => {
    const content = Buffer.alloc(10 << 20)
    content.write('begin', 0)
    content.write('middle', 5 << 20)
    await applyTar([{ path: 'sparse', content }])
    const file = await stat(at('sparse'))
    assert.deepEqual([file.size, file.blocks * 512 <= 64 << 10], [10 << 20, true])
    assert.ok((await readFile(at('sparse'))).equals(content))
  })

  it('keeps any byte of a name, and long names of every kind', async () => {
    const deep = `${'a'.repeat(200)}/${'b'.repeat(200)}`
    await applyTar([
      { path: 'new\nline\xff', content: '1' },
      { path: 'x', pax: { path: deep }, content: '2' },
      { path: 'x', gnuName: `g${deep}`, content: '3' },
      { path: 'x', gnuName: 'link', flag: '2', gnuLink: 't'.repeat(300) },
      { path: 'f', content: '4', patch: { 345: 'prefix' } },
    ])
    const names = (await readdir(folder.at('root'), { encoding: 'latin1' })).sort()
    assert.deepEqual(names, ['a'.repeat(200), `g${'a'.repeat(200)}`, 'link', 'new\nline\xff', 'prefix'])
    assert.equal(await readFile(at(deep), 'utf8'), '2')
    assert.equal(await readFile(at(`g${deep}`), 'utf8'), '3')
    assert.equal((await readlink(at('link'))).length, 300)
    assert.equal(await readFile(at('prefix/f'), 'utf8'), '4')
  })

  it('lets the last of two entries win, whatever they are', async () => {
    await applyTar([
      { path: 'a/', flag: '5' },
      { path: 'a/b', content: '1' },
      { path: 'a', content: 'now a file' },
      { path: 'f', content: '1' },
      { path: 'f/', flag: '5' },
      { path: 'f/g', content: '2' },
      { path: 's', flag: '2', link: 'f' },
      { path: 's/', flag: '5' },
      { path: 's/t', content: '3' },
    ])
    assert.equal(await readFile(at('a'), 'utf8'), 'now a file')
    assert.deepEqual((await readdir(at('f'))).sort(), ['g'])
    assert.deepEqual(await readdir(at('s')), ['t'])
  })

  it('finds owners of names in the tree only once they are real', async () => {
    await mkdir(at('usr/lib'), { recursive: true })
    await symlink('usr/lib', at('lib'))
    const applied = await applyTar([{ path: 'lib/x', content: '1', uid: 99_999, gid: 5, mode: 0o4755 }], ['ids=65536'])
    assert.equal(applied.kind, 'done')
    const [record, ...rest] = await readOwners(folder.at('owners'))
    assert.deepEqual([record?.path, record?.uid, record?.gid, record?.mode, rest], ['usr/lib/x', 99_999, 5, 0o4755, []])
    const file = await stat(at('usr/lib/x'))
    assert.deepEqual([file.uid, file.gid, file.mode & 0o7777], [0, 0, 0o755])
  })

  it('names the path and the ids when a foreign owner is refused', async () => {
    const applied = await applyTar([{ path: 'etc/x', uid: 5, gid: 6 }], ['ids=1', 'refuse'])
    assert.deepEqual(applied, { kind: 'failed', errno: 75, call: 'owner 5:6 is outside the id map', path: 'etc/x' })
  })

  it('forgets the record of a file that is replaced or whited out', async () => {
    await applyTar(
      [
        { path: 'd/a', uid: 9 },
        { path: 'd/b', uid: 9 },
        { path: 'c', uid: 9 },
      ],
      ['ids=1'],
    )
    assert.deepEqual(
      (await readOwners(folder.at('owners'))).map((item) => item.path),
      ['c', 'd/a', 'd/b'],
    )
    await applyTar([{ path: 'c', uid: 0 }, { path: '.wh.d' }], ['ids=1'])
    await assert.rejects(access(folder.at('owners')), { code: 'ENOENT' })
  })

  it('removes what a whiteout names, and only from below', async () => {
    await mkdir(at('gone/sub'), { recursive: true })
    await writeFile(at('gone/sub/f'), '')
    await writeFile(at('old'), '')
    await mkdir(at('mixed'))
    await writeFile(at('mixed/below'), '')
    await applyTar([
      { path: '.wh.gone' },
      { path: 'old', content: 'new' },
      { path: '.wh.old' },
      { path: 'mixed/', flag: '5' },
      { path: 'mixed/new', content: '' },
      { path: '.wh.mixed' },
      { path: '.wh.never-there' },
      { path: 'no/such/.wh.place' },
    ])
    assert.deepEqual((await readdir(folder.at('root'))).sort(), ['mixed', 'old'])
    assert.equal(await readFile(at('old'), 'utf8'), 'new')
    assert.deepEqual(await readdir(at('mixed')), ['new'])
  })

  it('hides all of a directory from below an opaque marker, in any order', async () => {
    await mkdir(at('d/sub/deep'), { recursive: true })
    await writeFile(at('d/sub/deep/f'), '')
    await writeFile(at('d/f'), '')
    await applyTar([{ path: 'd/sub/new', content: '' }, { path: 'd/.wh..wh..opq' }, { path: 'd/later', content: '' }])
    assert.deepEqual((await readdir(at('d'), { recursive: true })).sort(), ['later', 'sub', 'sub/new'])
  })

  it('does not follow a whiteout out of the root', async () => {
    await symlink(folder.at('outside-folder'), at('link'))
    await symlink('../..', at('up'))
    await writeFile(folder.at('outside-folder/keep'), 'kept')
    await applyTar([{ path: 'link/.wh.keep' }, { path: 'up/.wh.outside' }, { path: 'up/.wh..wh..opq' }])
    assert.equal(await readFile(folder.at('outside-folder/keep'), 'utf8'), 'kept')
    assert.equal(await readFile(folder.at('outside'), 'utf8'), 'untouched')
  })

  it('removes deep trees and many names in time that grows with their number', async () => {
    const deep = Array.from({ length: 1500 }, () => 'd').join('/')
    const members: TarMember[] = [{ path: 'x', pax: { path: `top/${deep}` }, flag: '5' }]
    for (let i = 0; i < 3000; i++) members.push({ path: `many/${i}`, content: '' })
    await applyTar(members)
    const whiteouts: TarMember[] = [{ path: '.wh.top' }]
    for (let i = 0; i < 3000; i++) whiteouts.push({ path: `many/.wh.${i}` })
    const begin = Date.now()
    assert.equal((await applyTar(whiteouts)).kind, 'done')
    assert.ok(Date.now() - begin < 5000)
    assert.deepEqual(await readdir(folder.at('root'), { recursive: true }), ['many'])
  })

  it('goes through a symlink of a lower layer without leaving the root', async () => {
    await mkdir(at('outside-folder'))
    await symlink('/outside-folder', at('absolute'))
    await symlink('../../../outside-folder', at('relative'))
    await applyTar([
      { path: 'absolute/a', content: 'a' },
      { path: 'relative/b', content: 'b' },
    ])
    assert.deepEqual((await readdir(at('outside-folder'))).sort(), ['a', 'b'])
    assert.deepEqual(await readdir(folder.at('outside-folder')), [])
  })

  it('writes through a symlink that it made only inside the root', async () => {
    const target = folder.at('outside-folder')
    const applied = await applyTar([
      { path: 'esc', flag: '2', link: target },
      { path: 'esc/evil', content: '' },
    ])
    assert.equal(applied.kind, 'failed')
    assert.deepEqual(await readdir(target), [])
  })

  it('never writes through a symlink at the end of a name', async () => {
    await symlink(folder.at('outside'), at('f'))
    await applyTar([{ path: 'f', content: 'evil' }])
    assert.equal(await readFile(folder.at('outside'), 'utf8'), 'untouched')
    assert.equal(await readFile(at('f'), 'utf8'), 'evil')
  })

  it('links a symlink itself, not what it leads to', async () => {
    await applyTar([
      { path: 's', flag: '2', link: folder.at('outside') },
      { path: 'h', flag: '1', link: 's' },
      { path: 'h2', flag: '1', link: '/s' },
    ])
    assert.equal(await readlink(at('h')), folder.at('outside'))
    assert.equal((await stat(folder.at('outside'))).nlink, 1)
  })

  it('keeps a hard link to itself', async () => {
    await applyTar([
      { path: 'a', content: 'kept' },
      { path: 'a', flag: '1', link: 'a' },
      { path: 'b', flag: '1', link: './a' },
      { path: 'b', flag: '1', link: 'a' },
    ])
    assert.equal(await readFile(at('b'), 'utf8'), 'kept')
    assert.equal((await stat(at('a'))).nlink, 2)
  })

  it('sets the metadata of the root from its entry', async () => {
    await applyTar([{ path: './', flag: '5', mode: 0o711, mtime: 5000 }, { path: 'a' }])
    const root = await stat(folder.at('root'))
    assert.deepEqual([root.mode & 0o7777, root.mtimeMs], [0o711, 5_000_000])
  })

  it('drops the xattrs of overlayfs and keeps those of users', async () => {
    const pax = {
      'SCHILY.xattr.user.note': 'a\x00b',
      'SCHILY.xattr.user.overlay.opaque': 'y',
      'SCHILY.xattr.trusted.overlay.redirect': '/',
    }
    const applied = await applyTar([
      { path: 'd/', flag: '5', pax },
      { path: 'f', pax },
    ])
    assert.equal(applied.kind === 'done' && applied.droppedXattrs, 4)
    for (const name of ['d', 'f']) {
      const { stdout } = await run('getfattr', ['-d', '-m', '-', '-e', 'hex', '--absolute-names', at(name)])
      assert.deepEqual(stdout.trim().split('\n').slice(1), ['user.note=0x610062'])
    }
  })

  it('replaces the xattrs of a directory that is there', async () => {
    await applyTar([{ path: 'd/', flag: '5', pax: { 'SCHILY.xattr.user.old': '1' } }])
    await applyTar([{ path: 'd/', flag: '5', pax: { 'SCHILY.xattr.user.new': '2' } }])
    const { stdout } = await run('getfattr', ['-d', '--absolute-names', at('d')])
    assert.deepEqual(stdout.trim().split('\n').slice(1), ['user.new="2"'])
  })

  it('gives a file its capabilities', async function () {
    if (!ROOT_ONLY) return this.skip()
    const value = '\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    await applyTar([{ path: 'ping', pax: { 'SCHILY.xattr.security.capability': value }, uid: 1, mode: 0o755, content: 'x' }])
    const { stdout } = await run('getcap', [at('ping')])
    assert.match(stdout, /cap_net_raw=ep/)
  })

  const refused: readonly [string, TarMember, RegExp][] = [
    ['a name that leaves the root', { path: '../outside', content: 'evil' }, /leaves the root/],
    ['a name that leaves the root later', { path: 'a/../../outside', content: 'evil' }, /leaves the root/],
    ['a hard link that leaves the root', { path: 'h', flag: '1', link: '../outside' }, /leaves the root/],
    ['a root that is a symlink', { path: '.', flag: '2', link: '/etc' }, /root that is no directory/],
    ['a root that is a file', { path: './', flag: '0' }, /root that is no directory/],
    ['a bare whiteout', { path: 'a/.wh.' }, /whiteout of nothing/],
    ['a whiteout of the parent', { path: 'a/.wh...' }, /whiteout of nothing/],
    ['a whiteout of the folder', { path: 'a/.wh..' }, /whiteout of nothing/],
    ['a file below a whiteout', { path: '.wh.a/b' }, /below a whiteout/],
    ['the whiteout of overlayfs', { path: 'c', flag: '3', rdev: [0, 0] }, /char device 0:0/],
    ['NUL in a name', { path: 'x', pax: { path: 'a\0b' } }, /leaves the root|NUL/],
    ['a name of more than 4096 bytes', { path: 'x', pax: { path: 'a/'.repeat(2100) } }, /longer than 4096/],
    ['a negative size', { path: 'x', claims: '\xff'.repeat(12) }, /size that cannot be/],
    ['a size that overflows', { path: 'x', claims: `\x80${'\xff'.repeat(11)}` }, /size that cannot be/],
    ['a pax size that is no number', { path: 'x', pax: { size: '-1' } }, /size that cannot be/],
    ['a pax record that lies about its length', { path: 'x', paxBytes: '99 path=x\n' }, /malformed pax/],
    ['a pax header without an entry', { path: 'x', flag: 'x', content: '9 path=x\n' }, /after an extended header/],
    ['a pax header of 2 MiB', { path: 'x', pax: { comment: 'c'.repeat(2 << 20) } }, /impossible size/],
    ['a GNU sparse file', { path: 'x', flag: 'S' }, /sparse/],
    ['a pax sparse file', { path: 'x', pax: { 'GNU.sparse.major': '1' } }, /sparse/],
    ['an unknown type', { path: 'x', flag: 'V' }, /type 'V'/],
    ['a wrong checksum', { path: 'x', badChecksum: true }, /checksum/],
    ['an owner that is no id', { path: 'x', pax: { uid: '4294967295' } }, /owner/],
    ['an xattr of more than 64 KiB', { path: 'x', pax: { 'SCHILY.xattr.user.a': 'v'.repeat(70_000) } }, /xattr/],
    ['content that ends early', { path: 'x', content: 'short', claims: 5000 }, /ends inside an entry/],
    ['a hard link to a directory', { path: 'h', flag: '1', link: '.' }, /leaves the root/],
  ]
  for (const [what, member, message] of refused) {
    it(`refuses ${what}`, async () => {
      const applied = await applyTar([member])
      assert.ok(applied.kind === 'failed' && applied.errno === EBADMSG && message.test(applied.call), JSON.stringify(applied))
      assert.equal(await readFile(folder.at('outside'), 'utf8'), 'untouched')
      assert.deepEqual(await readdir(folder.at('outside-folder')), [])
    })
  }

  it('applies the pax size to the file it precedes, not to a GNU header between them', async () => {
    const inner = tarOf([{ path: 'smuggled', content: 'evil' }], 0)
    const pax = tarOf([{ path: 'PaxHeaders/x', flag: 'x', content: paxRecords({ size: '1024' }) }], 0)
    assert.equal(inner.length, 1024)
    const rest = tarOf([{ path: 'x', gnuName: 'carrier', content: inner, claims: 0 }])
    await writeFile(folder.at('layer'), Buffer.concat([pax, rest]))
    await apply(folder.at('root'), folder.at('layer'))
    assert.deepEqual(await readdir(folder.at('root')), ['carrier'])
    assert.equal((await stat(at('carrier'))).size, 1024)
  })

  it('reads an archive without its end blocks, and counts what follows them into the diffID', async () => {
    assert.equal((await applyTar([{ path: 'a' }], [], 0)).kind, 'done')
    const tar = Buffer.concat([tarOf([{ path: 'b' }]), Buffer.alloc(9000, 'x')])
    await writeFile(folder.at('layer'), tar)
    const applied = await apply(folder.at('root'), folder.at('layer'))
    assert.deepEqual(applied, {
      kind: 'done',
      diffID: createHash('sha256').update(tar).digest('hex'),
      tarSize: tar.length,
      droppedXattrs: 0,
    })
  })

  it('writes the same table of contents as index', async () => {
    await writeFile(
      folder.at('layer'),
      tarOf([{ path: 'a/', flag: '5' }, { path: 'a/.wh.b' }, { path: 'c', content: 'x' }, { path: 'd', flag: '1', link: 'c' }]),
    )
    await apply(folder.at('root'), folder.at('layer'), { toc: folder.at('toc') })
    const addon = theAddon()
    await addon.index({ blob: { path: folder.at('layer'), codec: 'none' }, toc: folder.at('toc2') })
    assert.deepEqual(await readFile(folder.at('toc')), await readFile(folder.at('toc2')))
    assert.deepEqual(
      (await readToc(folder.at('toc'))).items.map((item) => item.path),
      ['a', 'a/.wh.b', 'c', 'd'],
    )
  })

  it('makes devices where it may, and placeholders with a record where it may not', async function () {
    if (!ROOT_ONLY) return this.skip()
    const members: TarMember[] = [
      { path: 'dev/null', flag: '3', rdev: [1, 3], mode: 0o666, uid: 3 },
      { path: 'dev/zero', flag: '1', link: 'dev/null' },
    ]
    await writeFile(folder.at('layer'), tarOf(members))
    await mkdir(folder.at('allowed'))
    await apply(folder.at('allowed'), folder.at('layer'), { owners: folder.path })
    assert.ok((await stat(folder.at('allowed/dev/null'))).isCharacterDevice())
    // Without CAP_MKNOD, as in a user namespace.
    const command = `exec capsh --drop=cap_mknod -- -c 'exec "$0" "$@"' dist/../native/build/Release/tsbuild-apply "$@"`
    await run('bash', ['-c', command, 'bash', folder.at('root'), folder.at('layer'), 'none', '', folder.path])
    assert.ok((await stat(at('dev/null'))).isFile())
    const records = await readOwners(folder.at('owners'))
    assert.deepEqual(
      records.map((item) => [item.path, item.type, item.mode, item.uid, item.rdev]),
      [
        ['dev/null', 'char', 0o666, 3, [1, 3]],
        ['dev/zero', 'char', 0o666, 3, [1, 3]],
      ],
    )
  })
})

describe('flatten', function () {
  this.timeout(30_000)
  const folder = useFolder()
  const addon = theAddon()

  it('fills a folder with modes and times but the ids of the caller', async () => {
    const entries = [
      entryOf({ path: '', type: 'directory', mode: 0o700 }),
      entryOf({ path: 'dev', type: 'char', rdevMajor: 1, rdevMinor: 3 }),
      entryOf({ path: 'ro', type: 'directory', mode: 0o555, uid: 5, mtime: { seconds: 9, nanoseconds: 0 } }),
      entryOf({ path: 'ro/.wh.x', mode: 0o4755, uid: 5, size: 2, source: inline('hi') }),
    ]
    await addon.pack(packRequest(folder.at('tar'), entries))
    await mkdir(folder.at('to'), { mode: 0o755 })
    await chmod(folder.at('to'), 0o755)
    const target = { blob: { path: folder.at('tar'), codec: 'none' }, target: folder.at('to') } as const
    assert.deepEqual(await addon.flatten(target), { skipped: 1 })
    assert.deepEqual(await addon.flatten(target), { skipped: 1 }) // over what is there
    const [file, directory, root] = [await stat(folder.at('to/ro/.wh.x')), await stat(folder.at('to/ro')), await stat(folder.at('to'))]
    assert.deepEqual([file.mode & 0o7777, file.uid], [0o755, process.getuid?.()])
    assert.deepEqual([directory.mode & 0o7777, directory.mtimeMs, root.mode & 0o7777], [0o555, 9000, 0o755])
    await chmod(folder.at('to/ro'), 0o755)
  })
})
