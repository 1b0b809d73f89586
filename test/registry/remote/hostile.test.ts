import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Fault, type FaultyRegistry, faultyRegistry, type Script } from '../../../fixtures/faulty-registry.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../../registry/oci/document.ts'
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../registry/oci/media-type.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { type AddressClass, classifyAddress } from '../../../registry/remote/address.ts'
import type { RegistryClient } from '../../../registry/remote/client.ts'
import type { Credential } from '../../../registry/remote/credentials.ts'
import { downloadBlob } from '../../../registry/remote/download.ts'
import { fetchManifest } from '../../../registry/remote/manifests.ts'
import { pull } from '../../../registry/remote/pull.ts'
import { push } from '../../../registry/remote/push.ts'
import { listTags } from '../../../registry/remote/tags.ts'
import { type TestStore, testStore } from '../store/support.ts'
import { certificateFor } from './certificate.ts'
import { at, putImage, type TestClientOptions, testClient } from './support.ts'

const PASSWORD: Credential = { kind: 'password', username: 'me', password: 'secret' }
const withPassword = { credentials: { find: async () => PASSWORD } }
const BLOB = Buffer.from('content')
const DESCRIPTOR = { mediaType: OCI_LAYER, digest: digestOf(BLOB), size: BLOB.length }
const OK: Fault = { kind: 'respond', status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }

const redirect = (location: string, status = 307): Fault => ({ kind: 'respond', status, headers: { location } })
const basic = (realm = 'x'): Fault => ({ kind: 'respond', status: 401, headers: { 'www-authenticate': `Basic realm="${realm}"` } })
const bearer = (realm: string): Fault => ({
  kind: 'respond',
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` },
})
/** Asks for a password, and does `then` for who has it. */
const protectedBy =
  (challenge: () => Fault, then: Script): Script =>
  (request, count) =>
    request.headers.authorization === undefined ? challenge() : request.path === '/v2/' ? OK : then(request, count)
const authorizations = ({ requests }: FaultyRegistry) =>
  requests.map(({ headers }) => headers.authorization).filter((value) => value !== undefined)

/** Hosts of the internet, all on this machine: 127.0.0.2 counts as public, 127.0.0.3 as private. */
const internet: TestClientOptions = {
  transport: {
    lookup: ((name, _, callback) =>
      callback(null, [{ address: /private/.test(name) ? '127.0.0.3' : '127.0.0.2', family: 4 }])) as LookupFunction,
    classify: (address) =>
      (({ '127.0.0.2': 'public', '127.0.0.3': 'private' }) as Record<string, AddressClass>)[address] ?? classifyAddress(address),
  },
}
const portOf = ({ url }: FaultyRegistry) => url.port

describe('a hostile registry', () => {
  let local: TestStore
  before(async () => {
    local = await testStore()
  })
  after(async () => local[Symbol.asyncDispose]())

  const download = (client: RegistryClient, host: string, blob = DESCRIPTOR) =>
    downloadBlob(at(host, 'a/b'), blob, { client, blobs: local.store.blobs, report: { step: 's', emit: () => {} } })
  afterEach(() => local.store.blobs.delete(DESCRIPTOR.digest))

  describe('gets credentials to nowhere else', () => {
    it('by a redirect of a blob, which is followed without them', async () => {
      await using storage = await faultyRegistry(() => ({ kind: 'respond', status: 200, body: BLOB }))
      await using registry = await faultyRegistry(protectedBy(basic, () => redirect(`${storage.url}blob?signed=1`)))
      await using client = testClient(withPassword)
      await download(client, registry.host)
      assert.equal(authorizations(registry).length, 1)
      assert.deepEqual(authorizations(storage), [])
      assert.equal(storage.requests.length, 1)
    })

    it('by a challenge of the host that a redirect leads to', async () => {
      await using thief = await faultyRegistry((request) => (request.path === '/token' ? OK : bearer(`${thief.url}token`)))
      await using basicThief = await faultyRegistry(() => basic())
      for (const host of [thief, basicThief]) {
        await using registry = await faultyRegistry(protectedBy(basic, () => redirect(`${host.url}blob`)))
        await using client = testClient(withPassword)
        await assert.rejects(download(client, registry.host), { code: 'REGISTRY_DENIED' })
        assert.deepEqual(authorizations(host), [])
        assert.equal(host.requests.length, 1)
      }
    })

    it('by the Location of an upload', async () => {
      await using from = await testStore()
      await using other = await faultyRegistry(() => ({ kind: 'respond', status: 201 }))
      await using registry = await faultyRegistry(
        protectedBy(basic, ({ method }) =>
          method === 'HEAD'
            ? { kind: 'respond', status: 404 }
            : { kind: 'respond', status: method === 'PUT' ? 201 : 202, headers: { location: `${other.url}upload` } },
        ),
      )
      await using client = testClient(withPassword)
      const image = await putImage(from.store, { layers: [10] })
      await push(image, [at(registry.host, 'a:b')], {}, { client, store: from.store, emit: () => {} })
      assert.ok(other.requests.length >= 2)
      assert.deepEqual(authorizations(other), [])
    })

    it('by a realm of another domain: the token is asked for without them', async () => {
      await using thief = await faultyRegistry(() => ({ kind: 'respond', status: 200, body: '{"token":"anonymous"}' }))
      await using registry = await faultyRegistry(
        protectedBy(
          () => bearer(`http://thief.test:${portOf(thief)}/token`),
          () => ({ kind: 'respond', status: 403 }),
        ),
        { address: '127.0.0.2' },
      )
      const host = `registry.example:${portOf(registry)}`
      await using client = testClient({
        ...withPassword,
        insecure: [host],
        transport: {
          ...internet.transport,
          lookup: ((name, _, callback) =>
            callback(null, [{ address: /thief/.test(name) ? '127.0.0.1' : '127.0.0.2', family: 4 }])) as LookupFunction,
          classify: () => 'public',
        },
      })
      await assert.rejects(download(client, host), {
        code: 'REGISTRY_DENIED',
        hint: /credentials were not sent to the token server thief.test/,
      })
      assert.equal(thief.requests.length, 1)
      assert.deepEqual(authorizations(thief), [])
      assert.deepEqual(authorizations(registry), ['Bearer anonymous'])
    })

    it('by a redirect of the token server', async () => {
      await using thief = await faultyRegistry(() => ({ kind: 'respond', status: 200, body: '{"token":"t"}' }))
      await using registry = await faultyRegistry((request) =>
        request.path.startsWith('/token')
          ? redirect(`${thief.url}token`)
          : protectedBy(
              () => bearer(`${registry.url}token`),
              () => ({ kind: 'respond', status: 200, body: BLOB }),
            )(request, 0),
      )
      await using client = testClient(withPassword)
      await download(client, registry.host)
      const [asked] = registry.requests.filter(({ path }) => path.startsWith('/token'))
      assert.match(asked?.headers.authorization ?? '', /^Basic /)
      assert.deepEqual(authorizations(thief), [])
    })

    it('by a refresh token posted to a token server that redirects', async () => {
      await using thief = await faultyRegistry(() => OK)
      await using registry = await faultyRegistry((request) =>
        request.path.startsWith('/token') ? redirect(`${thief.url}token`) : bearer(`${registry.url}token`),
      )
      await using client = testClient({
        credentials: { find: async () => ({ kind: 'identity-token', username: undefined, token: 'refresh' }) },
      })
      await assert.rejects(download(client, registry.host), { code: 'REDIRECT_REFUSED' })
      assert.deepEqual(thief.requests, [])
    })

    it('by the Link of a list of tags', async () => {
      await using thief = await faultyRegistry(() => OK)
      await using registry = await faultyRegistry(
        protectedBy(basic, () => ({
          kind: 'respond',
          status: 200,
          headers: { link: `<${thief.url}v2/x>; rel="next"` },
          body: '{"tags":["a"]}',
        })),
      )
      await using client = testClient(withPassword)
      const tags: string[] = []
      await assert.rejects(
        async () => {
          for await (const tag of listTags(client, at(registry.host, 'a/b'))) tags.push(tag)
        },
        { code: 'REDIRECT_REFUSED' },
      )
      assert.deepEqual([tags, thief.requests], [['a'], []])
    })
  })

  describe('leads from https down to http', () => {
    let folder: string
    let tls: { key: string; cert: string }
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'tsbuild-ca-'))
      tls = certificateFor('127.0.0.1')
      writeFileSync(join(folder, 'ca.pem'), tls.cert)
    })
    after(() => rmSync(folder, { recursive: true, force: true }))
    const trusting = () => testClient({ ...withPassword, transport: { env: { SSL_CERT_FILE: join(folder, 'ca.pem') } } })

    for (const [what, fault, code] of [
      ['a redirect', (plain) => protectedBy(basic, () => redirect(`${plain.url}blob`)), 'REDIRECT_REFUSED'],
      ['a realm', (plain) => () => bearer(`${plain.url}token`), 'REALM_REFUSED'],
    ] as [string, (plain: FaultyRegistry) => Script, string][]) {
      it(`by ${what}: nothing is sent`, async () => {
        await using plain = await faultyRegistry(() => OK)
        await using registry = await faultyRegistry(fault(plain), { tls })
        await using client = trusting()
        await assert.rejects(download(client, registry.host), { code })
        assert.deepEqual(plain.requests, [])
      })
    }

    it('by the Location of an upload: nothing is sent', async () => {
      await using from = await testStore()
      await using plain = await faultyRegistry(() => OK)
      await using registry = await faultyRegistry(
        ({ method, path }) =>
          path === '/v2/' ? OK : { kind: 'respond', status: method === 'HEAD' ? 404 : 202, headers: { location: `${plain.url}upload` } },
        { tls },
      )
      await using client = trusting()
      const image = await putImage(from.store, { layers: [10] })
      await assert.rejects(push(image, [at(registry.host, 'a:b')], {}, { client, store: from.store, emit: () => {} }), {
        code: 'REDIRECT_REFUSED',
      })
      assert.deepEqual(plain.requests, [])
    })

    it('is not trusted without its authority, and plain http is not tried then', async () => {
      await using registry = await faultyRegistry(() => OK, { tls })
      await using client = testClient(withPassword)
      await assert.rejects(download(client, registry.host), { code: 'CERTIFICATE_UNTRUSTED' })
      assert.deepEqual(registry.requests, [])
    })
  })

  describe('sends its clients to places more private than itself', () => {
    for (const [what, target] of [
      ['a name that resolves to a private address', (port: string) => `http://inside.private.test:${port}/blob`],
      ['a private address', (port: string) => `http://127.0.0.3:${port}/blob`],
      ['the metadata of a cloud', () => 'http://169.254.169.254/latest/meta-data'],
      ['the same in IPv6 spelling', () => 'http://[::ffff:169.254.169.254]/latest'],
      ['loopback', (port: string) => `http://127.0.0.1:${port}/blob`],
    ] as [string, (port: string) => string][]) {
      it(`${what}: no connection is made`, async () => {
        await using inside = await faultyRegistry(() => OK, { address: '127.0.0.3' })
        await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : redirect(target(portOf(inside)))), {
          address: '127.0.0.2',
        })
        const host = `registry.example:${portOf(registry)}`
        await using client = testClient({ ...internet, insecure: [host] })
        await assert.rejects(download(client, host), { code: 'ADDRESS_REFUSED' })
        assert.deepEqual(inside.requests, [])
      })
    }

    it('as its token server: no connection is made', async () => {
      await using inside = await faultyRegistry(() => OK, { address: '127.0.0.3' })
      await using registry = await faultyRegistry(() => bearer(`http://inside.private.test:${portOf(inside)}/token`), {
        address: '127.0.0.2',
      })
      const host = `registry.example:${portOf(registry)}`
      await using client = testClient({ ...internet, ...withPassword, insecure: [host] })
      await assert.rejects(download(client, host), { code: 'ADDRESS_REFUSED' })
      assert.deepEqual(inside.requests, [])
    })

    it('and a private registry may use private storage', async () => {
      await using storage = await faultyRegistry(() => ({ kind: 'respond', status: 200, body: BLOB }), { address: '127.0.0.3' })
      await using registry = await faultyRegistry(
        ({ path }) => (path === '/v2/' ? OK : redirect(`http://store.private.test:${portOf(storage)}/blob`)),
        {
          address: '127.0.0.3',
        },
      )
      const host = `registry.private.test:${portOf(registry)}`
      await using client = testClient({ ...internet, insecure: [host] })
      await download(client, host)
      assert.equal(storage.requests.length, 1)
    })

    it('by plain http, from loopback: no connection is made', async () => {
      await using other = await faultyRegistry(() => OK, { address: '127.0.0.2' })
      await using registry = await faultyRegistry(({ path }) =>
        path === '/v2/' ? OK : redirect(`http://other.example:${portOf(other)}/blob`),
      )
      await using client = testClient(internet)
      await assert.rejects(download(client, registry.host), { code: 'HTTP_REFUSED' })
      assert.deepEqual(other.requests, [])
    })

    it('is refused plain http when it is not loopback', async () => {
      await using registry = await faultyRegistry(() => OK, { address: '127.0.0.2' })
      await using client = testClient({ ...internet, ...withPassword })
      await assert.rejects(download(client, `registry.example:${portOf(registry)}`), { code: 'TLS_FAILED' })
      assert.deepEqual(registry.requests, [])
    })
  })

  describe('lies about what it has', () => {
    const manifest = (body: unknown, type: string = OCI_MANIFEST): Fault => ({
      kind: 'respond',
      status: 200,
      headers: { 'content-type': type, 'docker-content-digest': digestOf('something else') },
      body: JSON.stringify(body),
    })
    const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: DESCRIPTOR, layers: [] }

    for (const [what, fault, code] of [
      ['is a manifest by its type and an index by its header', manifest(image, OCI_INDEX), 'MANIFEST_MISMATCH'],
      ['has both layers and manifests', manifest({ ...image, manifests: [] }), 'DOCUMENT_INVALID'],
      [
        'is of the first schema',
        manifest({ schemaVersion: 1, fsLayers: [] }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'),
        'MANIFEST_UNSUPPORTED',
      ],
      ['is of the first schema, with no type', manifest({ schemaVersion: 1, fsLayers: [] }, 'application/json'), 'MANIFEST_UNSUPPORTED'],
      ['is a page of HTML', { kind: 'respond', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }, 'DOCUMENT_INVALID'],
      [
        'has a digest that is a path',
        manifest({ ...image, config: { ...DESCRIPTOR, digest: 'sha256:../../etc/passwd' } }),
        'DOCUMENT_INVALID',
      ],
    ] as [string, Fault, string][]) {
      it(`a manifest that ${what}`, async () => {
        await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : fault))
        await using client = testClient()
        await assert.rejects(fetchManifest(client, at(registry.host, 'a/b'), { tag: 'v1' }), { code })
      })
    }

    it('a manifest that is not the one asked for', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : manifest(image)))
      await using client = testClient()
      await assert.rejects(fetchManifest(client, at(registry.host, 'a/b'), { digest: digestOf('something else') }), {
        code: 'MANIFEST_MISMATCH',
      })
    })

    it('a tag whose digest is not one in the header: the digest is computed', async () => {
      await using registry = await faultyRegistry(({ path, method }) =>
        path === '/v2/'
          ? OK
          : method === 'HEAD'
            ? { kind: 'respond', status: 200, headers: { 'docker-content-digest': 'sha256:../x' } }
            : manifest(image),
      )
      await using client = testClient()
      const { descriptor } = await fetchManifest(client, at(registry.host, 'a/b'), { tag: 'v1' })
      assert.equal(descriptor.digest, digestOf(JSON.stringify(image)))
    })

    for (const [what, body] of [
      ['another content', Buffer.from('CONTENT')],
      ['more', Buffer.from('content and more')],
      ['less', Buffer.from('cont')],
    ] as [string, Buffer][]) {
      it(`a blob with ${what}: nothing is kept`, async () => {
        await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : { kind: 'respond', status: 200, body }))
        await using client = testClient()
        await assert.rejects(download(client, registry.host), { code: 'BLOB_MISMATCH' })
        assert.equal(await local.store.blobs.stat(DESCRIPTOR.digest), undefined)
      })
    }
  })

  describe('does not end', () => {
    const endless = (headers: Record<string, string> = {}): Fault => ({
      kind: 'endless',
      headers,
      chunk: Buffer.alloc(64 << 10, 'x'),
      everyMs: 0,
    })
    const drip: Fault = { kind: 'endless', chunk: Buffer.from('c'), everyMs: 20 }

    it('in a manifest', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : endless({ 'content-type': OCI_MANIFEST })))
      await using client = testClient()
      await assert.rejects(fetchManifest(client, at(registry.host, 'a/b'), { tag: 'v1' }), {
        code: 'RESPONSE_TOO_LARGE',
        message: `${registry.url}v2/a/b/manifests/v1: answer larger than ${MAX_MANIFEST_BYTES} bytes`,
      })
    })

    it('in a blob', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : endless()))
      await using client = testClient()
      await assert.rejects(download(client, registry.host), { code: 'BLOB_MISMATCH' })
    })

    it('in a token or an error', async () => {
      await using registry = await faultyRegistry((request) =>
        request.path.startsWith('/token') ? endless() : bearer(`${registry.url}token`),
      )
      await using client = testClient()
      await assert.rejects(download(client, registry.host), { code: 'RESPONSE_TOO_LARGE' })
    })

    it('and drips, which is a stall', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : drip))
      await using client = testClient({ transport: { stallMs: 150 }, retry: { now: Date.now, random: () => 0, baseMs: 1, tries: 2 } })
      await assert.rejects(download(client, registry.host, { ...DESCRIPTOR, size: 1000 }), { code: 'REGISTRY_TIMEOUT' })
    })

    it('and never answers', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : { kind: 'silent' }))
      await using client = testClient({ transport: { headersMs: 200 }, retry: { now: Date.now, random: () => 0, baseMs: 1, tries: 2 } })
      await assert.rejects(download(client, registry.host), { code: 'REGISTRY_TIMEOUT' })
    })

    for (const [status, headers] of [
      [302, { location: '/elsewhere' }],
      [503, { 'retry-after': '0' }],
    ] as const)
      it(`drips below a ${status}, and nobody waits for the end`, async () => {
        await using registry = await faultyRegistry(({ path }, count) =>
          path.includes('/blobs/') && count === 0
            ? { ...drip, status, headers }
            : path === '/elsewhere'
              ? { kind: 'respond', status: 404 }
              : OK,
        )
        await using client = testClient({ retry: { now: Date.now, random: () => 0, baseMs: 1, tries: 2 } })
        await assert.rejects(download(client, registry.host), { code: status === 302 ? 'NOT_FOUND' : 'BLOB_MISMATCH' })
      })

    it('in redirects', async () => {
      await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : redirect(path)))
      await using client = testClient()
      await assert.rejects(download(client, registry.host), { code: 'REDIRECT_REFUSED' })
      assert.equal(registry.requests.length, 1 + 6)
    })
  })

  it('writes control characters and signed links into an error, which shows neither', async () => {
    const message = 'no\u001b[31m\r\nway https://user:pw@host/path?X-Amz-Signature=abc'
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message }] })
    await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : { kind: 'respond', status: 403, body }))
    await using client = testClient()
    await assert.rejects(download(client, registry.host), {
      message: `blob ${DESCRIPTOR.digest} of ${registry.host}/a/b: ${registry.host} answered 403: DENIED no [31m way https://host/path`,
    })
  })

  it('names layers that only their owner may serve: their urls are not asked', async () => {
    await using owner = await faultyRegistry(() => OK)
    const layer = { ...DESCRIPTOR, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar', urls: [`${owner.url}layer`] }
    const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: DESCRIPTOR, layers: [layer] })
    const headers = { 'content-type': OCI_MANIFEST }
    await using registry = await faultyRegistry(({ path }) => (path === '/v2/' ? OK : { kind: 'respond', status: 200, headers, body }))
    await using client = testClient()
    const deps = { client, store: local.store, emit: () => {} }
    await assert.rejects(pull(at(registry.host, 'a/b'), { platform: parsePlatform('linux/amd64') }, deps), { code: 'LAYER_FOREIGN' })
    assert.deepEqual(owner.requests, [])
  })
})
