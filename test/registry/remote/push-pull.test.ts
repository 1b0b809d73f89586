import assert from 'node:assert/strict'
import { readIndex } from '../../../registry/oci/manifest.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { pull, resolve } from '../../../registry/remote/pull.ts'
import { push } from '../../../registry/remote/push.ts'
import { listTags } from '../../../registry/remote/tags.ts'
import { testStore } from '../store/support.ts'
import { dockerRegistry, has } from './docker-registry.ts'
import { at, events, putImage, putIndex, serve, testClient } from './support.ts'

const AMD64 = parsePlatform('linux/amd64')

const registries = {
  'our registry': async () => {
    const served = await testStore()
    const registry = await serve(served.store)
    return {
      host: registry.url.host,
      async [Symbol.asyncDispose]() {
        await registry.close()
        await served[Symbol.asyncDispose]()
      },
    }
  },
  'docker-registry': dockerRegistry,
}

for (const [name, start] of Object.entries(registries)) {
  describe(`push and pull, ${name}`, () => {
    let registry: Awaited<ReturnType<typeof start>>
    before(async function () {
      if (name === 'docker-registry' && !has('docker-registry')) this.skip()
      registry = await start()
    })
    after(async () => registry?.[Symbol.asyncDispose]())

    it('brings back what was pushed, under the digest it had', async () => {
      await using from = await testStore()
      await using to = await testStore()
      await using client = testClient()
      const image = await putImage(from.store, { layers: [0, 100, 3 << 20] })
      const reference = at(registry.host, 'a/b:v1')
      assert.equal(await push(image, [reference], {}, { client, store: from.store, emit: () => {} }), image.digest)
      const pulled = await pull(reference, { platform: AMD64 }, { client, store: to.store, emit: () => {} })
      assert.deepEqual(pulled.root, image)
      assert.deepEqual(await to.store.blobs.read(image.digest, 1e6), await from.store.blobs.read(image.digest, 1e6))
      for (const { digest, size } of pulled.blobs) assert.deepEqual(await to.store.blobs.stat(digest), { size })
    })

    it('sends nothing twice, and mounts what another repository has', async () => {
      await using from = await testStore()
      await using client = testClient()
      const image = await putImage(from.store, { layers: [1000, 2000] })
      const first = events()
      await push(image, [at(registry.host, 'twice:v1')], {}, { client, store: from.store, emit: first.emit })
      assert.deepEqual(first.notes(), [])
      const again = events()
      await push(image, [at(registry.host, 'twice:v2')], {}, { client, store: from.store, emit: again.emit })
      assert.deepEqual(again.notes(), ['exists', 'exists', 'exists'])
      const other = events()
      await push(image, [at(registry.host, 'other:v1')], {}, { client, store: from.store, emit: other.emit })
      // Our own registry shows a blob in every repository, so nothing is left to mount.
      assert.deepEqual(new Set(other.notes()), new Set([name === 'our registry' ? 'exists' : 'mounted from twice']))
    })

    it('pushes an index whole and pulls one platform of it, or all', async () => {
      await using from = await testStore()
      await using one = await testStore()
      await using all = await testStore()
      await using client = testClient()
      const amd = await putImage(from.store, { layers: [10] })
      const arm = await putImage(from.store, { layers: [20], platform: 'linux/arm64' })
      const index = await putIndex(from.store, [
        { platform: 'linux/amd64', manifest: amd },
        { platform: 'linux/arm64', manifest: arm },
      ])
      const reference = at(registry.host, 'multi:latest')
      await push(index, [reference], {}, { client, store: from.store, emit: () => {} })
      const pulled = await pull(reference, { platform: AMD64 }, { client, store: one.store, emit: () => {} })
      assert.deepEqual([pulled.root.digest, pulled.manifests.map(({ digest }) => digest)], [index.digest, [amd.digest]])
      assert.equal(await one.store.blobs.stat(arm.digest), undefined)
      assert.equal(readIndex(await one.store.blobs.read(index.digest, 1e6), 'index').manifests.length, 2)
      const both = await pull(reference, { platform: 'all' }, { client, store: all.store, emit: () => {} })
      assert.deepEqual(both.manifests.map(({ digest }) => digest).sort(), [amd.digest, arm.digest].sort())
      await assert.rejects(pull(reference, { platform: parsePlatform('linux/riscv64') }, { client, store: all.store, emit: () => {} }), {
        code: 'PLATFORM_MISSING',
        message: `${registry.host}/multi:latest has no image for linux/riscv64; there is linux/amd64, linux/arm64`,
      })
    })

    it('pushes under several tags and lists them, pulls by digest and resolves', async () => {
      await using from = await testStore()
      await using to = await testStore()
      await using client = testClient()
      const image = await putImage(from.store, { layers: [5] })
      const repository = at(registry.host, 'tags/of')
      const references = ['tags/of:b', 'tags/of:a', `tags/of@${image.digest}`].map((text) => at(registry.host, text))
      await push(image, references, {}, { client, store: from.store, emit: () => {} })
      const tags: string[] = []
      for await (const tag of listTags(client, repository)) tags.push(tag)
      assert.deepEqual(tags.sort(), ['a', 'b'])
      assert.deepEqual(await resolve(at(registry.host, 'tags/of:a'), client), image)
      const pulled = await pull(
        at(registry.host, `tags/of@${image.digest}`),
        { platform: AMD64 },
        { client, store: to.store, emit: () => {} },
      )
      assert.deepEqual(pulled.root, image)
    })

    it('says what is not there', async () => {
      await using to = await testStore()
      await using client = testClient()
      await assert.rejects(pull(at(registry.host, 'no/such:tag'), { platform: AMD64 }, { client, store: to.store, emit: () => {} }), {
        code: 'NOT_FOUND',
        message: `${registry.host}/no/such:tag is not in the registry`,
      })
    })

    it('sends large blobs in chunks', async () => {
      await using from = await testStore()
      await using to = await testStore()
      await using client = testClient()
      const image = await putImage(from.store, { layers: [(5 << 20) + 1] })
      const reference = at(registry.host, 'chunked:v1')
      await push(image, [reference], { chunkBytes: 1 << 20 }, { client, store: from.store, emit: () => {} })
      const pulled = await pull(reference, { platform: AMD64 }, { client, store: to.store, emit: () => {} })
      assert.deepEqual(pulled.root, image)
    })
  })
}

describe('push', () => {
  it('finds a missing blob before anything is sent', async () => {
    await using from = await testStore()
    await using served = await testStore()
    const log: string[] = []
    await using registry = await serve(served.store, { log: ({ method, path }) => void log.push(`${method} ${path}`) })
    await using client = testClient()
    const image = await putImage(from.store, { layers: [10] })
    const layer = JSON.parse(Buffer.from(await from.store.blobs.read(image.digest, 1e6)).toString()).layers[0].digest
    await from.store.blobs.delete(layer)
    await assert.rejects(push(image, [at(registry.url.host, 'x:v1')], {}, { client, store: from.store, emit: () => {} }), {
      code: 'BLOB_MISSING',
    })
    assert.deepEqual(log, [])
  })
})
