import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { imageOf } from '../../../fixtures/images.ts'
import { type DiffID, digestOf } from '../../../registry/oci/digest.ts'
import { checkStore } from '../../../registry/store/check.ts'
import type { Finding } from '../../../registry/store/check-content.ts'
import { type Image, readImage } from '../../../registry/store/image.ts'
import { openLayout, refreshIndex } from '../../../registry/store/layout.ts'
import { importLayout } from '../../../registry/store/layout-copy.ts'
import type { Store } from '../../../registry/store/store.ts'
import { putImage, putIndex } from './images.ts'
import { type TestStore, testStore } from './support.ts'

/** A store with one real image called app, its table of contents and its index.json. */
async function soundStore(t: TestStore): Promise<Image> {
  await imageOf(t.native, { layers: [[{ path: 'a', content: 'hello' }]] }, { folder: `${t.folder}/layout`, refName: 'x' })
  const { mediaType, digest, size } = await importLayout(t.store, openLayout(`${t.folder}/layout`))
  const image = await readImage(t.store.blobs, { mediaType, digest, size })
  for (const { diffID, descriptor, codec } of image.layers) {
    await t.store.tocs.ensure({ diffID, codec, path: t.store.blobs.path(descriptor.digest) })
    await t.store.layers.add(diffID, 'foreign', descriptor)
  }
  await t.store.names.set('app', image.descriptor)
  await refreshIndex(t.store)
  return image
}

/** Changes bytes but neither size, mode nor times, as a bad disk does. */
function rot(path: string): void {
  const { atime, mtime, mode } = statSync(path)
  const bytes = readFileSync(path)
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1
  chmodSync(path, 0o600)
  writeFileSync(path, bytes)
  chmodSync(path, mode)
  utimesSync(path, atime, mtime)
}

const tocPath = (root: string, diffID: DiffID) => `${root}/toc/sha256-${diffID.slice(7)}`
const layer = (image: Image) => {
  const [first] = image.layers
  assert.ok(first)
  return first
}

describe('checkStore', () => {
  it('finds nothing in a sound store, also with parts of an index only', async () => {
    await using t = await testStore()
    const image = await soundStore(t)
    const absent = await putImage(t.store.blobs, ['elsewhere'], 'arm64')
    await t.store.names.set('multi', await putIndex(t.store.blobs, { 'linux/amd64': image.descriptor, 'linux/arm64': absent }))
    for (const digest of [absent.digest, digestOf('elsewhere')]) await t.store.blobs.delete(digest)
    await refreshIndex(t.store)
    assert.deepEqual(await checkStore(t.store, { recordFolders: ['steps'], isRecord: () => true }), [])
  })

  for (const [what, damage, codes, after] of [
    ['a rotten layer', (s, i) => rot(s.blobs.path(layer(i).descriptor.digest)), ['BLOB_DAMAGED', 'TOC_DAMAGED'], ['NAME_INCOMPLETE']],
    ['a rotten manifest', (s, i) => rot(s.blobs.path(i.descriptor.digest)), ['BLOB_DAMAGED', 'NAME_INCOMPLETE'], ['NAME_INCOMPLETE']],
    ['a missing layer', (s, i) => s.blobs.delete(layer(i).descriptor.digest), ['NAME_INCOMPLETE'], ['NAME_INCOMPLETE']],
    ['a missing manifest', (s, i) => s.blobs.delete(i.descriptor.digest), ['NAME_INCOMPLETE'], ['NAME_INCOMPLETE']],
    ['a file that is no blob', (s) => writeFileSync(`${s.root}/blobs/sha256/x`, ''), ['BLOB_FOREIGN'], ['BLOB_FOREIGN']],
    ['a damaged name', (s) => writeFileSync(`${s.root}/names/app`, '\x01{'), ['NAME_DAMAGED', 'INDEX_DAMAGED'], []],
    ['a rotten table of contents', (s, i) => rot(tocPath(s.root, layer(i).diffID)), ['TOC_DAMAGED'], []],
    ['an index.json of somebody else', (s) => writeFileSync(`${s.root}/index.json`, '{}'), ['INDEX_DAMAGED'], []],
    ['a damaged record', (s) => record(s.root, 'damaged'), ['RECORD_DAMAGED'], []],
  ] as [string, (store: Store, image: Image) => unknown, Finding['code'][], Finding['code'][]][]) {
    it(`finds ${what}, and mends what can be mended`, async () => {
      await using t = await testStore()
      const image = await soundStore(t)
      record(t.root, 'good')
      await damage(t.store, image)
      const check = async (repair: boolean) =>
        (
          await checkStore(t.store, {
            repair,
            recordFolders: ['steps', 'none'],
            isRecord: (_folder, _name, bytes) => bytes.toString() !== 'damaged',
          })
        ).map(({ code }) => code)
      assert.deepEqual(await check(false), codes)
      assert.deepEqual(await check(false), codes)
      await check(true)
      assert.deepEqual(await check(false), after)
    })
  }
  function record(root: string, text: string): void {
    mkdirSync(`${root}/cache/steps/ab`, { recursive: true })
    writeFileSync(`${root}/cache/steps/ab/${text}`, text)
  }
})
