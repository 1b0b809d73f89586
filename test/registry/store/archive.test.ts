import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Header } from 'tar'
import { imageOf } from '../../../fixtures/images.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { OCI_LAYER, OCI_LAYER_GZIP } from '../../../registry/oci/media-type.ts'
import { readArchive, writeArchive } from '../../../registry/store/archive.ts'
import { readImage } from '../../../registry/store/image.ts'
import { openLayout } from '../../../registry/store/layout.ts'
import { importLayout } from '../../../registry/store/layout-copy.ts'
import { readTar, tarOfFiles } from '../../../registry/store/tar.ts'
import { putImage } from './images.ts'
import { failsWith, listOf, testStore } from './support.ts'

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const whole = (bytes: Uint8Array) => inPieces(bytes, bytes.length)

const openFilesBelow = (root: string) =>
  readdirSync('/proc/self/fd')
    .map((fd) => readlinkIfOpen(`/proc/self/fd/${fd}`))
    .filter((path) => path.startsWith(root))
function readlinkIfOpen(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // the folder's own descriptor is closed by now
  }
}

interface Item {
  readonly path: string
  readonly content?: string | Uint8Array
  readonly link?: string
  readonly size?: number
}
/** A tar of these files and links, also of such as no honest program writes. */
function tarOf(items: readonly Item[]): Buffer {
  const blocks = items.flatMap(({ path, content = '', link, size }) => {
    const bytes = Buffer.from(content)
    const header = Buffer.alloc(512)
    const type = link === undefined ? 'File' : 'SymbolicLink'
    new Header({
      path,
      type,
      size: size ?? bytes.length,
      mode: 0o644,
      mtime: new Date(0),
      ...(link === undefined ? {} : { linkpath: link }),
    }).encode(header)
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

describe('writeArchive and readArchive', () => {
  for (const [what, pieces, gzip, docker] of [
    ['whole', 1 << 20, false, false],
    ['one byte at a time', 1, false, false],
    ['gzipped', 100, true, false],
    ['for docker load', 1 << 20, false, true],
  ] as const) {
    it(`take an image out and in again: ${what}`, async () => {
      await using t = await testStore()
      await using other = await testStore()
      const image = await putImage(t.store.blobs, ['a', 'x'.repeat(1000)])
      const names = { names: [{ refName: '1.0', imageName: 'docker.io/library/app:1.0' }], docker }
      const tar = Buffer.concat(await listOf(writeArchive(t.store, image, names)))
      assert.deepEqual(Buffer.concat(await listOf(writeArchive(t.store, image, names))), tar)
      const [found, ...rest] = await readArchive(other.store, inPieces(gzip ? gzipSync(tar) : tar, pieces))
      assert.deepEqual([found?.descriptor.digest, found?.names, rest], [image.digest, ['docker.io/library/app:1.0'], []])
      assert.ok(found)
      assert.equal((await readImage(other.store.blobs, found.descriptor)).layers.length, 2)
    })
  }
  it('hold sha512 names, which do not fit the old header', async () => {
    const digest = digestOf('hello', 'sha512')
    const blob = { path: `blobs/sha512/${digest.slice(7)}`, size: 5, content: [Buffer.from('hello')] }
    const paths: string[] = []
    await readTar(tarOfFiles([blob]), async (entry) => {
      paths.push(entry.path)
      await listOf(entry.content)
    })
    assert.deepEqual(paths, ['blobs/', 'blobs/sha512/', blob.path]) // with folders, which skopeo would else give to root
  })
  it('write nothing of an image that is not whole', async () => {
    await using t = await testStore()
    const image = await putImage(t.store.blobs, ['a'])
    await t.store.blobs.delete(digestOf('a'))
    await assert.rejects(writeArchive(t.store, image).next(), failsWith('BLOB_MISSING'))
  })
})

describe('readArchive', () => {
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [digestOf('A'), digestOf('A')] },
  })
  const manifest = (layers: string[]) => JSON.stringify([{ Config: 'c.json', RepoTags: ['app:1'], Layers: layers }])
  const old = [
    { path: 'c.json', content: config },
    { path: 'one/VERSION', content: '1.0' },
    { path: 'one/layer.tar', content: 'A' },
    { path: 'two/layer.tar', link: '../one/layer.tar' },
  ]

  it('reads what docker save wrote before version 25, links and all', async () => {
    await using t = await testStore()
    const tar = tarOf([...old, { path: 'manifest.json', content: manifest(['one/layer.tar', 'two/layer.tar']) }])
    const [image] = await readArchive(t.store, inPieces(tar, 700))
    assert.deepEqual(image?.names, ['app:1'])
    assert.ok(image)
    const { layers, configBytes } = await readImage(t.store.blobs, image.descriptor)
    assert.equal(Buffer.from(configBytes).toString(), config)
    assert.deepEqual(
      layers.map(({ descriptor }) => [descriptor.mediaType, descriptor.digest]),
      [
        [OCI_LAYER, digestOf('A')],
        [OCI_LAYER, digestOf('A')],
      ],
    )
    assert.equal(await t.store.blobs.stat(digestOf('1.0')), undefined)
  })
  it('sees that a layer is gzip', async () => {
    await using t = await testStore()
    const layers = [
      { path: 'l.tar', content: gzipSync('A') },
      { path: 'c.json', content: config },
    ]
    const [image] = await readArchive(
      t.store,
      whole(tarOf([...layers, { path: 'manifest.json', content: manifest(['./l.tar', 'l.tar']) }])),
    )
    assert.ok(image)
    assert.equal((await readImage(t.store.blobs, image.descriptor)).layers[0]?.descriptor.mediaType, OCI_LAYER_GZIP)
  })
  for (const [what, bytes, code] of [
    ['nothing', Buffer.alloc(0), 'ARCHIVE_INVALID'],
    ['text', Buffer.from('hello '.repeat(1000)), 'ARCHIVE_INVALID'],
    ['a tar of something else', tarOf([{ path: 'a', content: 'a' }]), 'ARCHIVE_INVALID'],
    ['a tar that ends early', tarOf([{ path: 'manifest.json', content: 'x'.repeat(5000) }]).subarray(0, 2000), 'ARCHIVE_INVALID'],
    ['a manifest.json that is no JSON', tarOf([{ path: 'manifest.json', content: '[' }]), 'DOCUMENT_INVALID'],
    ['a huge manifest.json', tarOf([{ path: 'manifest.json', content: ' '.repeat((1 << 20) + 1) }]), 'BLOB_TOO_LARGE'],
    ['a layer that is not there', tarOf([...old, { path: 'manifest.json', content: manifest(['none', 'none']) }]), 'ARCHIVE_INVALID'],
    [
      'a layer outside the archive',
      tarOf([...old, { path: 'manifest.json', content: manifest(['../../etc/passwd', '/etc/passwd']) }]),
      'ARCHIVE_INVALID',
    ],
    [
      'a link outside the archive',
      tarOf([...old, { path: 'l', link: '/etc/passwd' }, { path: 'manifest.json', content: manifest(['l', 'l']) }]),
      'ARCHIVE_INVALID',
    ],
    [
      'links in a loop',
      tarOf([...old, { path: 'x', link: 'y' }, { path: 'y', link: 'x' }, { path: 'manifest.json', content: manifest(['x', 'x']) }]),
      'ARCHIVE_INVALID',
    ],
    ['fewer layers than its config', tarOf([...old, { path: 'manifest.json', content: manifest(['one/layer.tar']) }]), 'DOCUMENT_INVALID'],
    ['a blob that is not its name', tarOf([{ path: `blobs/sha256/${digestOf('a').slice(7)}`, content: 'b' }]), 'BLOB_MISMATCH'],
    [
      'an index to a blob that is not there',
      tarOf([
        { path: 'oci-layout', content: '{}' },
        {
          path: 'index.json',
          content: JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: OCI_LAYER, digest: digestOf('n'), size: 1 }] }),
        },
      ]),
      'BLOB_MISSING',
    ],
    ['a bomb', gzipBomb(), 'ARCHIVE_INVALID'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await using t = await testStore()
      await assert.rejects(readArchive(t.store, inPieces(bytes, 1 << 16)), failsWith(code))
    })
  }
  /** Two headers that claim 4 TiB. */
  function gzipBomb(): Buffer {
    return gzipSync(tarOf([{ path: 'blobs/x', size: 2 ** 42 }]))
  }
  it('passes on the error of its source, and leaves no file behind', async () => {
    const t = await testStore({ keep: true })
    async function* broken() {
      yield tarOf([{ path: 'a', content: 'x'.repeat(5000) }]).subarray(0, 3000)
      throw new Error('the line went dead')
    }
    await assert.rejects(readArchive(t.store, broken()), /the line went dead/)
    assert.deepEqual(
      openFilesBelow(t.root).filter((path) => path.includes('/ingest/')),
      [],
    )
    await t.store[Symbol.asyncDispose]()
    assert.equal(existsSync(`${t.root}/ingest/run-0`), false)
    await t.remove()
  })
})

describe('archives and skopeo', () => {
  for (const [transport, docker] of [
    ['oci-archive', false],
    ['docker-archive', true],
  ] as const) {
    it(`${transport} goes there and back`, async function () {
      if (!existsSync('/usr/bin/skopeo')) return this.skip() // not installed
      await using t = await testStore()
      await using other = await testStore()
      await imageOf(
        t.native,
        { layers: [[{ path: 'a', content: 'a' }], [{ path: 'b', content: 'b' }]] },
        { folder: `${t.folder}/l`, refName: 'x' },
      )
      const image = await importLayout(t.store, openLayout(`${t.folder}/l`))
      const before = await readImage(t.store.blobs, image)
      writeFileSync(
        `${t.folder}/ours.tar`,
        Buffer.concat(
          await listOf(writeArchive(t.store, image, { names: [{ refName: '1', imageName: 'docker.io/library/app:1' }], docker })),
        ),
      )
      const target = `${transport}:${t.folder}/theirs.tar${docker ? ':docker.io/library/app:1' : ':1'}`
      execFileSync('skopeo', ['copy', '--insecure-policy', `${transport}:${t.folder}/ours.tar`, target], { stdio: 'ignore' })
      const [found] = await readArchive(other.store, inPieces(readFileSync(`${t.folder}/theirs.tar`), 1 << 16))
      assert.ok(found)
      const after = await readImage(other.store.blobs, found.descriptor)
      assert.deepEqual(after.config.rootfs, before.config.rootfs)
      assert.equal(found.names.length, 1)
    })
  }
})
