import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Fault, type FaultyRegistry, faultyRegistry, type Recorded, type Script } from '../../../fixtures/faulty-registry.ts'
import type { Descriptor } from '../../../registry/oci/descriptor.ts'
import { readManifest } from '../../../registry/oci/manifest.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { pull } from '../../../registry/remote/pull.ts'
import { push } from '../../../registry/remote/push.ts'
import type { ServedRegistry } from '../../../registry/serve/server.ts'
import { type TestStore, testStore } from '../store/support.ts'
import { dockerRegistry, has } from './docker-registry.ts'
import { at, putImage, serve, testClient } from './support.ts'

const MIB = 1 << 20
const AMD64 = parsePlatform('linux/amd64')
/** `fault` for the first `times` requests that `which` picks. */
const firstly = (times: number, which: (request: Recorded) => boolean, fault: Fault): Script => {
  let seen = 0
  return (request) => (which(request) && seen++ < times ? fault : undefined)
}

describe('an interrupted transfer', () => {
  let served: TestStore
  let real: ServedRegistry
  before(async () => {
    served = await testStore()
    real = await serve(served.store)
  })
  after(async () => {
    await real.close()
    await served[Symbol.asyncDispose]()
  })

  /** An image in the registry with one layer of this size. */
  async function published(size: number): Promise<{ image: Descriptor; layer: Descriptor }> {
    const image = await putImage(served.store, { layers: [size] })
    await served.store.names.set('localhost/app:v1', image)
    const [layer] = readManifest(await served.store.blobs.read(image.digest, MIB), 'manifest').layers
    assert.ok(layer)
    return { image, layer }
  }
  const pullFrom = async (registry: FaultyRegistry, to: TestStore) => {
    await using client = testClient()
    return pull(at(registry.host, 'app:v1'), { platform: AMD64 }, { client, store: to.store, emit: () => {} })
  }
  const layerRequests = (registry: FaultyRegistry, layer: Descriptor) =>
    registry.requests.filter(({ method, path }) => method === 'GET' && path.endsWith(layer.digest)).map(({ headers }) => headers.range)

  describe('pull', () => {
    it('goes on in the middle after a cut', async () => {
      const { image, layer } = await published(4 * MIB)
      await using registry = await faultyRegistry(
        firstly(1, (request) => request.path.endsWith(layer.digest), { kind: 'cut-answer', after: 2 * MIB }),
        {
          upstream: real.url,
        },
      )
      await using to = await testStore()
      assert.deepEqual((await pullFrom(registry, to)).root, image)
      const [first, second, ...rest] = layerRequests(registry, layer)
      assert.deepEqual([first, rest], [undefined, []])
      assert.match(second ?? '', new RegExp(`^bytes=[1-9]\\d+-${4 * MIB - 1}$`))
    })

    it('goes on after another process gave up, and after cuts as many as it likes while it progresses', async () => {
      const { image, layer } = await published(20 * MIB)
      await using to = await testStore()
      {
        await using registry = await faultyRegistry(
          (request) =>
            request.path.endsWith(layer.digest)
              ? { kind: 'cut-answer', after: request.headers.range === undefined ? 3 * MIB : 1000 }
              : undefined,
          { upstream: real.url },
        )
        await assert.rejects(pullFrom(registry, to), { code: 'CONNECTION_LOST' })
      }
      await using registry = await faultyRegistry(
        (request) => (request.path.endsWith(layer.digest) ? { kind: 'cut-answer', after: 2 * MIB } : undefined),
        {
          upstream: real.url,
        },
      )
      assert.deepEqual((await pullFrom(registry, to)).root, image)
      assert.ok(layerRequests(registry, layer).every((range) => range !== undefined))
      assert.ok(layerRequests(registry, layer).length > 5)
    })

    for (const [what, fault] of [
      ['has no ranges', { kind: 'change', drop: ['range'] }],
      ['says 416', { kind: 'respond', status: 416 }],
      ['sends another range', { kind: 'change', headers: { 'content-range': 'bytes 5-10/20' } }],
      ['sends a range that it does not name', { kind: 'change', headers: { 'content-range': '' } }],
    ] as [string, Fault][]) {
      it(`begins again where the registry ${what}`, async () => {
        const { image, layer } = await published(2 * MIB)
        const isLayer = (request: Recorded) => request.path.endsWith(layer.digest)
        let cut = false
        await using registry = await faultyRegistry(
          (request) => {
            if (isLayer(request) && !cut) {
              cut = true
              return { kind: 'cut-answer', after: MIB }
            }
            return isLayer(request) && request.headers.range !== undefined ? fault : undefined
          },
          { upstream: real.url },
        )
        await using to = await testStore()
        assert.deepEqual((await pullFrom(registry, to)).root, image)
      })
    }

    it('begins again where the part from before was damaged', async () => {
      const { image, layer } = await published(2 * MIB)
      await using to = await testStore()
      const ingest = await to.store.blobs.ingest(layer)
      await ingest.write(Buffer.alloc(MIB, 'x'))
      await ingest[Symbol.asyncDispose]()
      await using registry = await faultyRegistry(() => undefined, { upstream: real.url })
      assert.deepEqual((await pullFrom(registry, to)).root, image)
      assert.deepEqual(layerRequests(registry, layer), [`bytes=${MIB}-${2 * MIB - 1}`, undefined])
    })

    for (const [what, headers] of [
      ['seconds', () => ({ 'retry-after': '0' })],
      ['a date', () => ({ 'retry-after': new Date(Date.now() - 1000).toUTCString() })],
      ['nothing', () => ({})],
    ] as [string, () => Record<string, string>][]) {
      it(`waits out 503 and 429 with ${what} in Retry-After`, async () => {
        const { image } = await published(10)
        await using registry = await faultyRegistry(
          (_, count) => (count < 3 ? { kind: 'respond', status: count === 1 ? 429 : 503, headers: headers() } : undefined),
          {
            upstream: real.url,
          },
        )
        await using to = await testStore()
        assert.deepEqual((await pullFrom(registry, to)).root, image)
      })
    }

    it('gives up on a registry that stays away', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? undefined : { kind: 'respond', status: 503 }), {
        upstream: real.url,
      })
      await using to = await testStore()
      await assert.rejects(pullFrom(registry, to), { code: 'REGISTRY_ERROR' })
      assert.equal(registry.requests.filter(({ method }) => method === 'HEAD').length, 5)
    })
  })

  describe('push', () => {
    const pushTo = async (registry: { host: string }, from: TestStore, image: Descriptor, options: Parameters<typeof push>[2] = {}) => {
      await using client = testClient()
      return push(image, [at(registry.host, 'pushed:v1')], { chunkBytes: MIB, ...options }, { client, store: from.store, emit: () => {} })
    }
    const sent = (registry: FaultyRegistry) => registry.requests.reduce((sum, { received }) => sum + received, 0)
    const isChunk = ({ method }: Recorded) => method === 'PATCH'

    for (const [what, fault] of [
      ['the connection is cut in a chunk', { kind: 'cut-request', after: 300_000 }],
      ['the answer to a chunk is lost', { kind: 'cut-answer', after: 0 }],
      ['a chunk gets 503', { kind: 'respond', status: 503 }],
      ['the registry says 416', { kind: 'respond', status: 416 }],
      ['a chunk gets 500 although it was taken', { kind: 'change', status: 500 }],
    ] as [string, Fault][]) {
      it(`goes on where the registry has got to when ${what}`, async () => {
        await using from = await testStore()
        const image = await putImage(from.store, { layers: [6 * MIB + 5] })
        let chunks = 0
        await using registry = await faultyRegistry((request) => (isChunk(request) && chunks++ === 3 ? fault : undefined), {
          upstream: real.url,
        })
        await pushTo(registry, from, image)
        assert.deepEqual(await served.store.names.get('localhost/pushed:v1'), image)
        assert.ok(sent(registry) <= 8 * MIB, `${sent(registry)} bytes`)
      })
    }

    it('sends all anew when the registry has forgotten the upload, or says it has what it was not sent', async () => {
      for (const fault of [
        { kind: 'respond', status: 404 },
        { kind: 'change', headers: { range: '0-9' } },
      ] as Fault[]) {
        await using from = await testStore()
        const image = await putImage(from.store, { layers: [4 * MIB] })
        let chunks = 0
        await using registry = await faultyRegistry((request) => (isChunk(request) && chunks++ === 2 ? fault : undefined), {
          upstream: real.url,
        })
        await pushTo(registry, from, image)
        assert.deepEqual(await served.store.names.get('localhost/pushed:v1'), image)
      }
    })

    it('cuts a body that is too large for a proxy, and goes on', async () => {
      await using from = await testStore()
      const image = await putImage(from.store, { layers: [6 * MIB] })
      const limit: Script = ({ headers }) =>
        Number(headers['content-length'] ?? 0) > 900_000 ? { kind: 'respond', status: 413 } : undefined
      await using registry = await faultyRegistry(limit, { upstream: real.url })
      await pushTo(registry, from, image, { chunkBytes: 8 * MIB })
      assert.deepEqual(await served.store.names.get('localhost/pushed:v1'), image)
    })

    it('gives up where even little is too large', async () => {
      await using from = await testStore()
      const image = await putImage(from.store, { layers: [MIB] })
      await using registry = await faultyRegistry(
        ({ method }) => (method === 'PATCH' || method === 'PUT' ? { kind: 'respond', status: 413 } : undefined),
        {
          upstream: real.url,
        },
      )
      await assert.rejects(pushTo(registry, from, image), { code: 'REGISTRY_TOO_LARGE' })
    })

    it('sends larger chunks where the registry asks for them', async () => {
      await using from = await testStore()
      const image = await putImage(from.store, { layers: [6 * MIB] })
      await using registry = await faultyRegistry(
        ({ method }) => (method === 'POST' ? { kind: 'change', headers: { 'oci-chunk-min-length': String(3 * MIB) } } : undefined),
        { upstream: real.url },
      )
      await pushTo(registry, from, image)
      assert.deepEqual(
        registry.requests.filter(isChunk).map(({ received }) => received),
        [3 * MIB, 3 * MIB],
      )
    })

    it('authenticates again in the middle of an upload', async () => {
      await using from = await testStore()
      const image = await putImage(from.store, { layers: [3 * MIB] })
      let valid = 'token-0'
      let chunks = 0
      const script: Script = ({ path, headers, method }) => {
        if (path.startsWith('/token')) return { kind: 'respond', status: 200, body: JSON.stringify({ token: valid, expires_in: 3600 }) }
        if (method === 'PATCH' && chunks++ === 1) valid = 'token-1'
        if (headers.authorization === `Bearer ${valid}`) return undefined
        return { kind: 'respond', status: 401, headers: { 'www-authenticate': `Bearer realm="${registry.url}token",service="s"` } }
      }
      const registry: FaultyRegistry = await faultyRegistry(script, { upstream: real.url })
      try {
        await pushTo(registry, from, image)
        assert.deepEqual(await served.store.names.get('localhost/pushed:v1'), image)
        assert.equal(registry.requests.filter(({ path }) => path.startsWith('/token')).length, 2)
        assert.match(
          registry.requests.find(({ path }) => path.startsWith('/token'))?.path ?? '',
          /scope=repository%3Apushed%3Apull(?:&|$)|scope=repository%3Apushed%3Apull%2Cpush/,
        )
      } finally {
        await registry[Symbol.asyncDispose]()
      }
    })

    it('waits while another push sends the same blob, and does not send it again', async () => {
      await using from = await testStore()
      const image = await putImage(from.store, { layers: [4 * MIB] })
      await using registry = await faultyRegistry(() => undefined, { upstream: real.url })
      await using other = await from.reopen()
      await Promise.all([pushTo(registry, from, image), pushTo(registry, { ...from, store: other }, image)])
      assert.equal(registry.requests.filter(isChunk).length, 4)
    })
  })

  describe('of a process that is killed', () => {
    const child = fileURLToPath(new URL('transfer-child.js', import.meta.url))
    /** Runs a transfer and kills it once the registry has seen `when`. */
    async function killed(args: string[], when: () => boolean): Promise<void> {
      const running = spawn(process.execPath, [child, ...args], { stdio: 'ignore' })
      const ended = once(running, 'exit')
      while (!when() && running.exitCode === null) await sleep(2)
      running.kill('SIGKILL')
      await ended
    }

    // docker-registry drops an upload that was cut inside a PATCH (its signed state and the size of its file differ then), so all is sent again.
    const targets = {
      'our registry, where at most a chunk is sent twice': {
        start: async () => ({ host: real.url.host, [Symbol.asyncDispose]: async () => {} }),
        twice: 2.2 * MIB,
      },
      'docker-registry': { start: dockerRegistry, twice: Number.POSITIVE_INFINITY },
    }
    for (const [name, { start, twice }] of Object.entries(targets)) {
      it(`push to ${name}`, async function () {
        if (name === 'docker-registry' && !has('docker-registry')) this.skip()
        await using target = await start()
        await using from = await testStore()
        await using to = await testStore()
        const size = 24 * MIB
        const image = await putImage(from.store, { layers: [size] })
        await from.store.names.set('image', image)
        await using registry = await faultyRegistry(() => undefined, { upstream: new URL(`http://${target.host}`) })
        const sent = () => registry.requests.reduce((sum, { received }) => sum + received, 0)
        await killed(['push', from.root, `${registry.host}/app:v1`], () => sent() > 15 * MIB)
        const before = sent()
        const again = spawn(process.execPath, [child, 'push', from.root, `${registry.host}/app:v1`], { stdio: 'inherit' })
        assert.deepEqual(await once(again, 'exit'), [0, null])
        assert.ok(before < size && sent() - size < twice, `${before} and ${sent() - before} bytes of ${size}`)
        assert.deepEqual((await pullFrom(registry, to)).root, image)
      })
    }

    it('pull: nothing that arrived is fetched again', async () => {
      const { image, layer } = await published(24 * MIB)
      await using to = await testStore()
      const partial = join(to.root, 'ingest', layer.digest.replace(':', '-'))
      let asked = 0
      await using registry = await faultyRegistry(
        ({ path }) => (path.endsWith(layer.digest) && asked++ === 0 ? { kind: 'hold-answer', after: 16 * MIB } : undefined),
        { upstream: real.url },
      )
      await killed(['pull', to.root, `${registry.host}/app:v1`], () => statSync(partial, { throwIfNoEntry: false })?.size === 16 * MIB)
      assert.deepEqual((await pullFrom(registry, to)).root, image)
      assert.deepEqual(layerRequests(registry, layer), [undefined, `bytes=${16 * MIB}-${24 * MIB - 1}`])
    })
  })
})
