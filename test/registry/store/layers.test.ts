import assert from 'node:assert/strict'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { imageOf } from '../../../fixtures/images.ts'
import { asDiffID, digestOf } from '../../../registry/oci/digest.ts'
import { OCI_LAYER, OCI_LAYER_GZIP } from '../../../registry/oci/media-type.ts'
import { readImage } from '../../../registry/store/image.ts'
import { openLayout } from '../../../registry/store/layout.ts'
import { importLayout } from '../../../registry/store/layout-copy.ts'
import { openView } from '../../../registry/store/view.ts'
import { putBlob } from './images.ts'
import { failsWith, testStore } from './support.ts'
import { tocBytes } from './tocs.ts'

const diffID = asDiffID(digestOf('layer'))

describe('layers', () => {
  it('are found by DiffID and codec, or by DiffID alone', async () => {
    await using t = await testStore()
    const { layers, blobs } = t.store
    const [gzip, plain] = [await putBlob(blobs, OCI_LAYER_GZIP, 'gzip'), await putBlob(blobs, OCI_LAYER, 'plain')]
    assert.deepEqual([await layers.any(diffID), layers.all(diffID), layers.list()], [undefined, [], []])
    await layers.add(diffID, 'gzip/1.14+2', gzip)
    await layers.add(diffID, 'none', plain)
    assert.deepEqual(await layers.find(diffID, 'gzip/1.14+2'), gzip)
    assert.equal(await layers.find(diffID, 'gzip/1.15+2'), undefined)
    assert.deepEqual(layers.list(), [diffID])
    await blobs.delete(gzip.digest)
    assert.equal(await layers.find(diffID, 'gzip/1.14+2'), undefined)
    assert.deepEqual(await layers.any(diffID), plain)
    await layers.delete(diffID)
    assert.equal(await layers.any(diffID), undefined)
  })
  it('are a miss when their record was lost', async () => {
    await using t = await testStore()
    await t.store.layers.add(diffID, 'none', await putBlob(t.store.blobs, OCI_LAYER, 'plain'))
    truncateSync(`${t.root}/layers/sha256-${diffID.slice(7)}/none`, 10)
    assert.equal(await t.store.layers.any(diffID), undefined)
  })
})

describe('tocs', () => {
  it('are believed within a boot or when synced, else made again', async () => {
    await using t = await testStore()
    const put = async (text: string) => {
      const id = asDiffID(digestOf(text))
      const temporary = await t.store.temporary()
      writeFileSync(temporary, tocBytes([{ path: text }], id))
      await t.store.tocs.adopt(temporary, id)
      return id
    }
    const [synced, unsynced] = [await put('synced'), await put('unsynced')]
    await t.store.tocs.sync([synced, diffID])
    assert.equal(t.store.tocs.read(unsynced)?.entries[0]?.path, 'unsynced')
    await using next = await t.reopen({ bootId: 'boot-2' })
    assert.deepEqual([next.tocs.has(synced), next.tocs.has(unsynced), next.tocs.read(unsynced)], [true, false, undefined])
    assert.equal(next.tocs.read(synced)?.entries[0]?.path, 'synced')
  })
  it('of another layer are not believed', async () => {
    await using t = await testStore()
    const temporary = await t.store.temporary()
    writeFileSync(temporary, tocBytes([]))
    await t.store.tocs.adopt(temporary, diffID)
    assert.equal(t.store.tocs.read(diffID), undefined)
  })
  it('are made from the blob, which must be that layer', async () => {
    await using t = await testStore()
    const files = [
      { path: 'etc', type: 'directory' as const },
      { path: 'etc/passwd', content: 'root:x:0:0' },
    ]
    await imageOf(t.native, { layers: [files, [{ path: 'etc/.wh.passwd' }]] }, { folder: `${t.folder}/l`, refName: 'x' })
    const image = await readImage(t.store.blobs, await importLayout(t.store, openLayout(`${t.folder}/l`)))
    const layers = image.layers.map((layer) => ({ ...layer, path: t.store.blobs.path(layer.descriptor.digest) }))
    const bottom = await openView(t.store, layers.slice(0, 1))
    const node = bottom.at('etc/passwd')
    assert.ok(node)
    assert.equal(Buffer.from(await bottom.readFile(node, 100)).toString(), 'root:x:0:0')
    assert.equal((await openView(t.store, layers)).at('etc/passwd'), undefined)
    const [first] = layers
    assert.ok(first)
    await assert.rejects(t.store.tocs.ensure({ ...first, diffID }), failsWith('BLOB_MISMATCH'))
    assert.equal(t.store.tocs.has(diffID), false)
    writeFileSync(`${t.folder}/junk`, 'junk '.repeat(1000))
    await assert.rejects(t.store.tocs.ensure({ diffID, path: `${t.folder}/junk`, codec: 'gzip' }), failsWith('LAYER_INVALID'))
    assert.equal(readdirSync(`${t.root}/toc`).length, 2)
  })
})

describe('origins', () => {
  it('are remembered once each, the latest first', async () => {
    await using t = await testStore()
    const { origins } = t.store
    for (const repository of ['a', 'b/c', 'a']) await origins.add(diffID, 'r.io:5000', repository)
    const want = [
      { registry: 'r.io:5000', repository: 'b/c' },
      { registry: 'r.io:5000', repository: 'a' },
    ]
    assert.deepEqual(await origins.of(diffID), want)
    await origins.forget(diffID)
    assert.deepEqual(await origins.of(diffID), [])
  })
  it('are not kept without end', async () => {
    await using t = await testStore()
    for (let i = 0; i < 100; i++) await t.store.origins.add(diffID, 'r.io', `a${i}`)
    assert.ok((await t.store.origins.of(diffID)).length <= 32)
  })
})

describe('locks', () => {
  it('are by key, whatever the key', async () => {
    await using t = await testStore()
    await using other = await t.reopen()
    for (const key of ['a', 'A', '../../x', 'a/b', 'x'.repeat(1000), '', 'sha256:00']) {
      const held = await t.store.lock(key)
      assert.ok(held)
      assert.equal(await other.lock(key, { wait: false }), undefined, key)
      await using different = await other.lock(`${key}2`, { wait: false })
      assert.ok(different)
      await held.release()
      await using free = await other.lock(key, { wait: false })
      assert.ok(free)
    }
  })
  it('can be shared', async () => {
    await using t = await testStore()
    await using one = await t.store.lock('k', { mode: 'shared' })
    await using two = await t.store.lock('k', { mode: 'shared', wait: false })
    assert.ok(one && two)
    assert.equal(await t.store.lock('k', { wait: false }), undefined)
  })
})
