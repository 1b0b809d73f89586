import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { imageOf } from '../../../fixtures/images.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { OCI_LAYER } from '../../../registry/oci/media-type.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { encodeIndex, openLayout, refreshIndex } from '../../../registry/store/layout.ts'
import { exportLayout, importLayout } from '../../../registry/store/layout-copy.ts'
import type { Store } from '../../../registry/store/store.ts'
import { putImage, putIndex } from './images.ts'
import { failsWith, listOf, testStore } from './support.ts'

/** Exports an image and gives the folder. */
async function exported(t: { store: Store; folder: string }, layers: string[], refName = 'app'): Promise<string> {
  const folder = `${t.folder}/layout`
  await exportLayout(t.store, await putImage(t.store.blobs, layers), { folder, names: [{ refName }] })
  return folder
}

describe('exportLayout and importLayout', () => {
  it('take an image to a folder and back', async () => {
    await using t = await testStore()
    await using other = await testStore()
    const image = await putImage(t.store.blobs, ['a', 'b'])
    await exportLayout(t.store, image, {
      folder: `${t.folder}/x/layout`,
      names: [{ refName: '1.0', imageName: 'docker.io/library/app:1.0' }],
    })
    for (const name of ['1.0', 'docker.io/library/app:1.0', undefined]) {
      assert.equal((await importLayout(other.store, openLayout(`${t.folder}/x/layout`), { name })).digest, image.digest)
    }
    assert.deepEqual((await listOf(other.store.blobs.list())).sort(), (await listOf(t.store.blobs.list())).sort())
  })
  it('keep other images in the folder, and replace one of the same name', async () => {
    await using t = await testStore()
    const folder = await exported(t, ['a'], 'one')
    await exported(t, ['b'], 'two')
    await exported(t, ['c'], 'one')
    const names = openLayout(folder).manifests.map((entry) => entry.annotations?.['org.opencontainers.image.ref.name'])
    assert.deepEqual(names, ['two', 'one'])
    assert.deepEqual(readdirSync(`${folder}/blobs`), ['sha256'])
    await assert.rejects(importLayout(t.store, openLayout(folder)), failsWith('NAME_UNKNOWN'))
    await assert.rejects(importLayout(t.store, openLayout(folder), { name: 'three' }), failsWith('NAME_UNKNOWN'))
  })
  it('take one platform of an index when asked to', async () => {
    await using t = await testStore()
    await using other = await testStore()
    const [a, b] = [await putImage(t.store.blobs, ['a']), await putImage(t.store.blobs, ['b'], 'arm64')]
    const folder = `${t.folder}/layout`
    await exportLayout(t.store, await putIndex(t.store.blobs, { 'linux/amd64': a, 'linux/arm64': b }), { folder })
    const image = await importLayout(other.store, openLayout(folder), { platform: parsePlatform('linux/arm64') })
    assert.equal(image.digest, b.digest)
    assert.equal(await other.store.blobs.stat(digestOf('a')), undefined)
  })
  it('do not write into a folder that holds something else', async () => {
    await using t = await testStore()
    mkdirSync(`${t.folder}/layout`)
    writeFileSync(`${t.folder}/layout/mine`, '')
    await assert.rejects(exported(t, ['a']), failsWith('LAYOUT_INVALID'))
    assert.deepEqual(readdirSync(`${t.folder}/layout`), ['mine'])
  })
  it('do not export an image that is not whole', async () => {
    await using t = await testStore()
    const image = await putImage(t.store.blobs, ['a'])
    await t.store.blobs.delete(digestOf('a'))
    await assert.rejects(exportLayout(t.store, image, { folder: `${t.folder}/layout` }), failsWith('BLOB_MISSING'))
    assert.equal(existsSync(`${t.folder}/layout`), false)
  })
  it('do not write through links in the folder', async () => {
    await using t = await testStore()
    const folder = await exported(t, ['a'])
    mkdirSync(`${t.folder}/outside`)
    rmSync(`${folder}/blobs/sha256`, { recursive: true })
    symlinkSync(`${t.folder}/outside`, `${folder}/blobs/sha256`)
    await assert.rejects(exported(t, ['b']), failsWith('LAYOUT_INVALID'))
    assert.deepEqual(readdirSync(`${t.folder}/outside`), [])
  })
})

describe('importLayout', () => {
  for (const [what, spoil, code] of [
    ['a blob that is not its digest', (f: string, hex: string) => writeFileSync(`${f}/blobs/sha256/${hex}`, 'b'), 'BLOB_MISMATCH'],
    ['a blob of another size', (f: string, hex: string) => writeFileSync(`${f}/blobs/sha256/${hex}`, 'long'), 'BLOB_MISMATCH'],
    ['a blob that is missing', (f: string, hex: string) => rmSync(`${f}/blobs/sha256/${hex}`), 'BLOB_MISSING'],
    ['a blob that is a link', (f: string, hex: string) => relink(`${f}/blobs/sha256/${hex}`), 'LAYOUT_INVALID'],
    ['a blob that is a fifo', (f: string, hex: string) => fifo(`${f}/blobs/sha256/${hex}`), 'LAYOUT_INVALID'],
    ['a blob that is a folder', (f: string, hex: string) => refolder(`${f}/blobs/sha256/${hex}`), 'LAYOUT_INVALID'],
  ] as const) {
    it(`refuses ${what}, and keeps nothing of it`, async () => {
      await using t = await testStore()
      await using other = await testStore()
      const folder = await exported(t, ['a'])
      spoil(folder, digestOf('a').slice(7))
      await assert.rejects((async () => importLayout(other.store, openLayout(folder)))(), failsWith(code))
      assert.equal(await other.store.blobs.stat(digestOf('a')), undefined)
    })
  }
  function relink(path: string): void {
    renameSync(path, `${path}.real`)
    symlinkSync(`${path}.real`, path)
  }
  function fifo(path: string): void {
    rmSync(path)
    execFileSync('mkfifo', [path])
  }
  function refolder(path: string): void {
    rmSync(path)
    mkdirSync(path)
  }
})

describe('openLayout', () => {
  for (const [what, spoil, code] of [
    ['no oci-layout', (f: string) => rmSync(`${f}/oci-layout`), 'LAYOUT_INVALID'],
    ['another version', (f: string) => writeFileSync(`${f}/oci-layout`, '{"imageLayoutVersion":"2.0.0"}'), 'LAYOUT_INVALID'],
    ['an index.json that is a link', (f: string) => relinkIndex(f), 'LAYOUT_INVALID'],
    ['an index.json that is no JSON', (f: string) => writeFileSync(`${f}/index.json`, '{'), 'DOCUMENT_INVALID'],
    ['an index.json that is huge', (f: string) => writeFileSync(`${f}/index.json`, Buffer.alloc((16 << 20) + 1, ' ')), 'LAYOUT_INVALID'],
    [
      'a size below zero',
      (f: string) => writeFileSync(`${f}/index.json`, encodeIndex([{ mediaType: OCI_LAYER, digest: digestOf('a'), size: -1 }])),
      'DOCUMENT_INVALID',
    ],
  ] as const) {
    it(`refuses a folder with ${what}`, async () => {
      await using t = await testStore()
      const folder = await exported(t, ['a'])
      spoil(folder)
      assert.throws(() => openLayout(folder), failsWith(code))
    })
  }
  function relinkIndex(folder: string): void {
    renameSync(`${folder}/index.json`, `${folder}/i`)
    symlinkSync('i', `${folder}/index.json`)
  }
  it('refuses a folder that is not there', () => assert.throws(() => openLayout('/none/none'), failsWith('LAYOUT_INVALID')))
})

describe('the store as an image layout', () => {
  const has = (tool: string) => existsSync(`/usr/bin/${tool}`)
  it('is read by skopeo and umoci under the full name', async function () {
    if (!has('skopeo') || !has('umoci')) return this.skip() // not installed
    await using t = await testStore()
    await imageOf(t.native, { layers: [[{ path: 'hello', content: 'hello' }]] }, { folder: `${t.folder}/l`, refName: 'x' })
    const { digest, mediaType, size } = await importLayout(t.store, openLayout(`${t.folder}/l`))
    await t.store.names.set('docker.io/library/app:1.0', { mediaType, digest, size })
    await refreshIndex(t.store)
    const inspected = execFileSync('skopeo', ['inspect', '--format', '{{.Digest}}', `oci:${t.root}:docker.io/library/app:1.0`], {
      encoding: 'utf8',
    })
    assert.equal(inspected.trim(), digest)
    execFileSync('umoci', ['unpack', '--rootless', '--image', `${t.root}:docker.io/library/app:1.0`, `${t.folder}/bundle`], {
      stdio: 'ignore',
    })
    assert.equal(readFileSync(`${t.folder}/bundle/rootfs/hello`, 'utf8'), 'hello')
    assert.equal(statSync(t.root).mode & 0o777, 0o700)
  })
})
