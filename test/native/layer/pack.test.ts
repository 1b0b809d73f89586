import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { access, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import type { PackEntry } from '../../../native/requests/layers.ts'
import type { Codec } from '../../../registry/oci/media-type.ts'
import { entryOf, inline, packRequest, readToc, run, theAddon, useFolder } from './core.ts'

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const EMPTY = '5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef'
const LONG = `${'d'.repeat(200)}/${'e'.repeat(200)}`

/** One of everything that a layer can hold. */
const EVERYTHING: readonly PackEntry[] = [
  entryOf({ path: '', type: 'directory' }),
  entryOf({ path: 'bin', type: 'directory', mode: 0o1777 }),
  entryOf({ path: 'bin/su', mode: 0o4755, size: 5, source: inline('hello') }),
  entryOf({ path: 'bin/sudo', type: 'hardlink', link: 'bin/su', mode: 0o4755 }),
  entryOf({ path: 'caf\xc3\xa9\xff\nname', source: inline('bytes'), size: 5 }),
  entryOf({ path: 'dev', type: 'directory' }),
  entryOf({ path: 'dev/null', type: 'char', rdevMajor: 1, rdevMinor: 3, mode: 0o666 }),
  entryOf({ path: 'dev/sda', type: 'block', rdevMajor: 8, rdevMinor: 0 }),
  entryOf({ path: 'fifo', type: 'fifo' }),
  entryOf({ path: 'link', type: 'symlink', mode: 0o777, link: 'x'.repeat(150) }),
  entryOf({ path: LONG, uid: 3_000_000, gid: 4_000_000_000, mtime: { seconds: 1_700_000_000, nanoseconds: 123_456_789 } }),
  entryOf({ path: 'old', mtime: { seconds: -2, nanoseconds: 250_000_000 } }),
  entryOf({ path: 'tagged', xattrs: [{ name: 'user.note', value: 'a\x00b=\nc' }], size: 3, source: inline('abc') }),
]

describe('pack', function () {
  this.timeout(30_000)
  const folder = useFolder()
  const addon = theAddon()

  it('makes the constant empty layer of no entries', async () => {
    const reply = await addon.pack(packRequest(folder.at('out'), []))
    assert.equal(hex(reply.diffID), EMPTY)
    assert.equal(reply.tarSize, 1024)
    assert.deepEqual(await readFile(folder.at('out')), Buffer.alloc(1024))
  })

  for (const codec of ['none', 'gzip', 'zstd'] as const) {
    it(`says the true digests and sizes with codec ${codec}`, async () => {
      const content = Buffer.concat([randomBytes(1_500_000), Buffer.alloc(3_000_000, 'text ')])
      const reply = await addon.pack(
        packRequest(folder.at('out'), [entryOf({ path: 'f', size: content.length, source: inline(content) })], { codec }),
      )
      const blob = await readFile(folder.at('out'))
      const tar = await uncompressed(codec, folder.at('out'))
      assert.deepEqual([hex(reply.digest), reply.blobSize], [sha256(blob), blob.length])
      assert.deepEqual([hex(reply.diffID), reply.tarSize], [sha256(tar), tar.length])
      assert.deepEqual(tar.subarray(512, 512 + content.length), content)
    })
  }

  for (const codec of ['gzip', 'zstd'] as const) {
    it(`gives the same ${codec} bytes with 1, 2 and 7 threads`, async () => {
      const content = Buffer.alloc(9_000_000, 'some words that repeat, and some that do not: ')
      randomBytes(2_000_000).copy(content, 3_000_000)
      const digests = new Set<string>()
      for (const threads of [1, 2, 7]) {
        const request = packRequest(folder.at(`out${threads}`), [entryOf({ path: 'f', size: content.length, source: inline(content) })], {
          codec,
          threads,
        })
        digests.add(hex((await addon.pack(request)).digest))
      }
      assert.equal(digests.size, 1)
    })
  }

  it('makes what gzip -t, zstd -t, GNU tar and Python read', async () => {
    const tar = folder.at('all.tar')
    await addon.pack(packRequest(tar, EVERYTHING))
    await addon.pack(packRequest(folder.at('all.gz'), EVERYTHING, { codec: 'gzip' }))
    await addon.pack(packRequest(folder.at('all.zst'), EVERYTHING, { codec: 'zstd' }))
    await run('gzip', ['-t', folder.at('all.gz')])
    await run('zstd', ['-tq', folder.at('all.zst')]).catch(ignoreMissing)
    const { stdout, stderr } = await run('tar', ['--numeric-owner', '--full-time', '-tvf', tar], { env: { ...process.env, TZ: 'UTC' } })
    assert.equal(stderr, '')
    assert.match(stdout, /^-rwsr-xr-x 0\/0\s+5 2023-11-14 22:13:20 bin\/su$/m)
    assert.match(stdout, /3000000\/4000000000 .*2023-11-14 22:13:20\.123456789 d{200}\/e{200}$/m)
    assert.match(stdout, /^crw-rw-rw- 0\/0\s+1,3 .*dev\/null$/m)
    const program = 'import sys,tarfile;print(*[m.name.encode("utf8","surrogateescape").hex() for m in tarfile.open(sys.argv[1])])'
    const python = await run('python3', ['-c', program, tar])
    const names = python.stdout
      .trim()
      .split(' ')
      .map((name) => Buffer.from(name, 'hex').toString('latin1'))
    assert.deepEqual(
      names,
      EVERYTHING.map((entry) => entry.path || '.'),
    )
    const time = await run('python3', ['-c', 'import sys,tarfile;print(tarfile.open(sys.argv[1]).getmember("old").mtime)', tar])
    assert.equal(time.stdout.trim(), '-1.75')
  })

  it('writes a table of contents with offsets and content digests', async () => {
    await addon.pack(packRequest(folder.at('out'), EVERYTHING, { toc: folder.at('toc') }))
    const [toc, tar] = [await readToc(folder.at('toc')), await readFile(folder.at('out'))]
    assert.deepEqual([toc.tarSize, toc.diffID], [tar.length, sha256(tar)])
    assert.deepEqual(
      toc.items.map((item) => [item.path, item.type, item.uid, item.mtime]),
      EVERYTHING.map((entry) => [entry.path, entry.type, entry.uid, entry.mtime]),
    )
    for (const item of toc.items.filter((each) => each.type === 'file')) {
      assert.equal(item.sha256, sha256(tar.subarray(item.offset, item.offset + item.size)))
    }
  })

  it('reads the same table back from its blob', async () => {
    await addon.pack(packRequest(folder.at('out'), EVERYTHING, { codec: 'gzip', toc: folder.at('toc') }))
    await addon.index({ blob: { path: folder.at('out'), codec: 'gzip' }, toc: folder.at('again') })
    assert.deepEqual(await readFile(folder.at('again')), await readFile(folder.at('toc')))
  })

  it('lowers later times to the clamp', async () => {
    const late = { seconds: 2_000_000_000, nanoseconds: 5 }
    const entries = [entryOf({ path: 'a', mtime: late }), entryOf({ path: 'b', mtime: { seconds: 7, nanoseconds: 9 } })]
    await addon.pack(packRequest(folder.at('out'), entries, { clamp: 1000, toc: folder.at('toc') }))
    assert.deepEqual(
      (await readToc(folder.at('toc'))).items.map((item) => item.mtime),
      [
        { seconds: 1000, nanoseconds: 0 },
        { seconds: 7, nanoseconds: 9 },
      ],
    )
  })

  it('takes content from files and from pieces of other layers', async () => {
    const large = randomBytes(2_500_000)
    await mkdir(folder.at('context/sub'), { recursive: true })
    await writeFile(folder.at('context/sub/large'), large)
    const root = { roots: [folder.at('context')] }
    const file = entryOf({
      path: 'large',
      size: large.length,
      source: { kind: 'file', root: 0, path: 'sub/large', sha256: createHash('sha256').update(large).digest() },
    })
    for (const codec of ['none', 'gzip', 'zstd'] as const) {
      const first = await addon.pack(packRequest(folder.at(`${codec}1`), [file], { ...root, codec, toc: folder.at(`${codec}.toc`) }))
      const offset = (await readToc(folder.at(`${codec}.toc`))).items[0]?.offset ?? 0
      const copied = entryOf({ path: 'large', size: large.length, source: { kind: 'blob', blob: 0, offset } })
      const again = await addon.pack(
        packRequest(folder.at(`${codec}2`), [copied], { codec, blobs: [{ path: folder.at(`${codec}1`), codec }] }),
      )
      assert.equal(hex(again.digest), hex(first.digest))
    }
  })

  const bad: readonly [string, Partial<PackEntry>, RegExp][] = [
    ['is larger than said', { size: 2 }, /changed while it was read/],
    ['is smaller than said', { size: 9 }, /changed while it was read/],
    [
      'has another content',
      { size: 5, source: { kind: 'file', root: 0, path: 'file', sha256: new Uint8Array(32) } },
      /changed since it was hashed/,
    ],
    ['is reached through a symlink', { size: 5, source: { kind: 'file', root: 0, path: 'link' } }, /ELOOP \(openat2\)/],
    ['lies outside', { size: 5, source: { kind: 'file', root: 0, path: '../outside' } }, /EXDEV \(openat2\)/],
    ['is a directory', { size: 5, source: { kind: 'file', root: 0, path: 'sub' } }, /not a regular file/],
  ]
  for (const [what, fields, message] of bad) {
    it(`refuses a file that ${what}, and leaves nothing behind`, async () => {
      await mkdir(folder.at('context/sub'), { recursive: true })
      await writeFile(folder.at('context/file'), 'hello')
      await writeFile(folder.at('outside'), 'hello')
      await symlink('file', folder.at('context/link'))
      const entry = entryOf({ path: 'f', source: { kind: 'file', root: 0, path: 'file' }, ...fields })
      const request = packRequest(folder.at('out'), [entry], { roots: [folder.at('context')], toc: folder.at('toc') })
      await assert.rejects(
        addon.pack(request),
        (error: Error & { code: string }) => error.code === 'NATIVE_FAILURE' && message.test(error.message),
      )
      await assert.rejects(access(folder.at('out')), { code: 'ENOENT' })
      await assert.rejects(access(folder.at('toc')), { code: 'ENOENT' })
    })
  }

  it('refuses to overwrite a file', async () => {
    await writeFile(folder.at('out'), 'mine')
    await assert.rejects(addon.pack(packRequest(folder.at('out'), [])), { message: /cannot open .*out: EEXIST \(open\)/ })
    assert.equal(await readFile(folder.at('out'), 'utf8'), 'mine')
  })

  it('refuses a socket and a level that the codec does not have', async () => {
    await assert.rejects(addon.pack(packRequest(folder.at('out'), [entryOf({ path: 's', type: 'socket' })])), {
      message: /^s: a socket has no place/,
    })
    await assert.rejects(addon.pack(packRequest(folder.at('out'), [], { codec: 'gzip', level: 99 })), { message: /gzip level 99/ })
  })
})

async function uncompressed(codec: Codec, path: string): Promise<Buffer> {
  if (codec === 'none') return readFile(path)
  if (codec === 'gzip') return gunzipSync(await readFile(path))
  return (await run('zstd', ['-dcq', path], { encoding: 'buffer', maxBuffer: 1 << 30 })).stdout
}

function ignoreMissing(error: { code?: unknown }): void {
  if (error.code !== 'ENOENT') throw error
}
