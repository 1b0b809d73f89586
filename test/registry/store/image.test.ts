import assert from 'node:assert/strict'
import { digestOf } from '../../../registry/oci/digest.ts'
import { DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../registry/oci/media-type.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { graphOf } from '../../../registry/store/graph.ts'
import { readImage } from '../../../registry/store/image.ts'
import { putBlob, putImage, putIndex } from './images.ts'
import { failsWith, testStore } from './support.ts'

describe('readImage', () => {
  it('reads manifest, config and layers of a manifest', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const descriptor = await putImage(blobs, ['a', 'b'])
    const image = await readImage(blobs, descriptor)
    assert.deepEqual(image.descriptor, descriptor)
    assert.equal(digestOf(image.manifestBytes), descriptor.digest)
    assert.equal(digestOf(image.configBytes), image.manifest.config.digest)
    assert.deepEqual(
      image.layers.map(({ diffID, codec }) => [diffID, codec]),
      [
        [digestOf('a'), 'none'],
        [digestOf('b'), 'none'],
      ],
    )
  })
  it('takes the manifest of an index that serves the platform best', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const [amd, arm6, arm7] = [await putImage(blobs, ['a']), await putImage(blobs, ['6'], 'arm'), await putImage(blobs, ['7'], 'arm')]
    const attestation = await putImage(blobs, ['x'], 'unknown')
    const index = await putIndex(blobs, { 'unknown/unknown': attestation, 'linux/arm/v6': arm6, 'linux/amd64': amd, 'linux/arm/v7': arm7 })
    const chosen = async (platform?: string) =>
      (await readImage(blobs, index, platform === undefined ? undefined : parsePlatform(platform))).descriptor.digest
    assert.equal(await chosen('linux/amd64'), amd.digest)
    assert.equal(await chosen('linux/arm/v7'), arm7.digest)
    assert.equal(await chosen('linux/arm/v6'), arm6.digest)
    assert.equal(await chosen(), arm6.digest)
    await assert.rejects(chosen('linux/s390x'), failsWith('PLATFORM_MISSING'))
    await assert.rejects(chosen('linux/arm/v5'), failsWith('PLATFORM_MISSING'))
  })
  it('finds it in an index of indexes, but not without end', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const image = await putImage(blobs, ['a'])
    const index = await putIndex(blobs, { 'linux/amd64': await putIndex(blobs, { 'linux/amd64': image }) })
    assert.equal((await readImage(blobs, index)).descriptor.digest, image.digest)
    let deep = image
    for (let i = 0; i < 12; i++) deep = await putIndex(blobs, { 'linux/amd64': deep })
    await assert.rejects(readImage(blobs, deep), failsWith('DOCUMENT_INVALID'))
    await assert.rejects(graphOf(blobs, deep), failsWith('DOCUMENT_INVALID'))
  })
  it('refuses what is no image', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const empty = await putBlob(blobs, OCI_EMPTY, '{}')
    const artifact = { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType: 'x/y', config: empty, layers: [empty] }
    await assert.rejects(readImage(blobs, await putBlob(blobs, OCI_MANIFEST, JSON.stringify(artifact))), failsWith('IMAGE_UNSUPPORTED'))
    await assert.rejects(readImage(blobs, await putBlob(blobs, OCI_LAYER, 'x')), failsWith('IMAGE_UNSUPPORTED'))
    const image = await putImage(blobs, ['a'])
    await assert.rejects(readImage(blobs, { ...image, mediaType: DOCKER_MANIFEST }), failsWith('DOCUMENT_INVALID'))
    await assert.rejects(readImage(blobs, { ...image, mediaType: OCI_INDEX }), failsWith('DOCUMENT_INVALID'))
    await assert.rejects(readImage(blobs, { ...image, digest: digestOf('none') }), failsWith('BLOB_MISSING'))
  })
  it('refuses a config with more or fewer layers', async () => {
    await using t = await testStore()
    const { manifest } = await readImage(t.store.blobs, await putImage(t.store.blobs, ['a', 'b']))
    const short = await putBlob(t.store.blobs, OCI_MANIFEST, JSON.stringify({ ...manifest, layers: manifest.layers.slice(1) }))
    await assert.rejects(readImage(t.store.blobs, short), failsWith('DOCUMENT_INVALID'))
  })
})

describe('graphOf', () => {
  it('gives all that an index leads to once, and what is missing', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const [a, b] = [await putImage(blobs, ['shared', 'a']), await putImage(blobs, ['shared', 'b'])]
    const index = await putIndex(blobs, { 'linux/amd64': a, 'linux/arm64': b })
    await blobs.delete(digestOf('b'))
    const graph = await graphOf(blobs, index)
    assert.equal(graph.present[0], index)
    assert.equal(graph.present.length, 1 + 2 + 2 + 2) // index, manifests, configs, shared and a
    assert.deepEqual(
      graph.missing.map(({ digest }) => digest),
      [digestOf('b')],
    )
  })
  it('does not believe a size that is not so', async () => {
    await using t = await testStore()
    const image = await putImage(t.store.blobs, ['a'])
    await assert.rejects(graphOf(t.store.blobs, { ...image, size: 1 }), failsWith('BLOB_MISMATCH'))
  })
})
