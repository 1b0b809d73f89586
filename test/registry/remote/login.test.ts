import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { faultyRegistry } from '../../../fixtures/faulty-registry.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { Credentials } from '../../../registry/remote/credentials.ts'
import { login } from '../../../registry/remote/login.ts'
import { openClient } from '../../../registry/remote/open.ts'
import { pull } from '../../../registry/remote/pull.ts'
import { push } from '../../../registry/remote/push.ts'
import { Transport } from '../../../registry/remote/transport.ts'
import { testStore } from '../store/support.ts'
import { certificateFor } from './certificate.ts'
import { type DockerRegistry, dockerRegistry, has } from './docker-registry.ts'
import { at, putImage } from './support.ts'

const run = promisify(execFile)
/** bcrypt of `secret`. */
const HTPASSWD = 'me:$2b$04$7BmVXgNa1HBbDUuT3LyiQeRQr9uMa5YI.pgCDh/X6iA9bBiKbMmIS\n'
const RETRY = { now: Date.now, random: () => 0, baseMs: 5 }

describe('login', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'tsbuild-login-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))
  const config = () => join(home, '.docker/config.json')
  const loginTo = (registry: string, password: string, env: Record<string, string> = {}) =>
    login(
      { registry, username: 'me', password },
      {
        client: { transport: new Transport({ env, tls: { certsDirs: [] } }), retry: RETRY },
        credentials: new Credentials({ env: { HOME: home } }),
      },
    )

  describe('at a registry with TLS of its own authority and passwords', () => {
    let registry: DockerRegistry
    let tls: { key: string; cert: string }
    before(async function () {
      if (!has('docker-registry')) return this.skip()
      tls = certificateFor('127.0.0.1')
      registry = await dockerRegistry({ tls, htpasswd: HTPASSWD })
    })
    after(async () => registry?.[Symbol.asyncDispose]())

    it('keeps a good password, with which push and pull then work, for skopeo too', async () => {
      const ca = join(home, 'ca.pem')
      writeFileSync(ca, tls.cert)
      await loginTo(registry.host, 'secret', { SSL_CERT_FILE: ca })
      assert.deepEqual(JSON.parse(readFileSync(config(), 'utf8')), {
        auths: { [registry.host]: { auth: Buffer.from('me:secret').toString('base64') } },
      })
      await using from = await testStore()
      await using to = await testStore()
      const image = await putImage(from.store, { layers: [100] })
      await using client = openClient({ env: { HOME: home }, caFiles: [ca], userAgent: 'test', now: Date.now, random: () => 0 })
      const reference = at(registry.host, 'private/app:v1')
      await push(image, [reference], {}, { client, store: from.store, emit: () => {} })
      const pulled = await pull(reference, { platform: parsePlatform('linux/amd64') }, { client, store: to.store, emit: () => {} })
      assert.deepEqual(pulled.root, image)
      if (!has('skopeo')) return
      const args = ['inspect', '--raw', '--tls-verify=false', '--authfile', config(), `docker://${registry.host}/private/app:v1`]
      assert.deepEqual(Buffer.from((await run('skopeo', args)).stdout), Buffer.from(await from.store.blobs.read(image.digest, 1e6)))
    })

    it('takes the authority from certs.d', async () => {
      const folder = join(home, '.config/containers/certs.d', registry.host)
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'ca.crt'), tls.cert)
      await using client = openClient({ env: { HOME: home }, userAgent: 'test', now: Date.now, random: () => 0 })
      const response = await client.request(registry.host, { method: 'GET', to: '/v2/', scopes: [] })
      await response.discard()
      assert.equal(response.status, 401)
    })

    it('takes any certificate where the user says so', async () => {
      await using client = openClient({ env: { HOME: home }, insecure: [registry.host], userAgent: 'test', now: Date.now, random: () => 0 })
      assert.equal((await client.base(registry.host)).protocol, 'https:')
    })

    it('does not keep a wrong password', async () => {
      const ca = join(home, 'ca.pem')
      writeFileSync(ca, tls.cert)
      await assert.rejects(loginTo(registry.host, 'wrong', { SSL_CERT_FILE: ca }), {
        code: 'REGISTRY_DENIED',
        message: `${registry.host} refuses the user name "me" or its password`,
      })
      assert.ok(!existsSync(config()))
    })
  })

  it('gets a token with the password where the registry has a token server', async () => {
    await using registry = await faultyRegistry(({ path, headers }) => {
      if (path.startsWith('/token')) {
        const good = headers.authorization === `Basic ${Buffer.from('me:secret').toString('base64')}`
        return { kind: 'respond', status: good ? 200 : 401, body: good ? '{"access_token":"t"}' : '{}' }
      }
      if (headers.authorization === 'Bearer t') return { kind: 'respond', status: 200, body: '{}' }
      return { kind: 'respond', status: 401, headers: { 'www-authenticate': `Bearer realm="${registry.url}token",service="a, b"` } }
    })
    await loginTo(registry.host, 'secret')
    assert.equal(registry.requests.find(({ path }) => path.startsWith('/token'))?.path, '/token?service=a%2C+b')
    await assert.rejects(loginTo(registry.host, 'wrong'), { code: 'REGISTRY_DENIED' })
  })

  it('sends nothing with an empty password', async () => {
    await using registry = await faultyRegistry(() => undefined)
    await assert.rejects(loginTo(registry.host, ''), { code: 'CREDENTIALS_INVALID' })
    assert.deepEqual(registry.requests, [])
  })
})

describe('a client with an identity token', () => {
  for (const [what, post, want] of [
    ['posts it', { kind: 'respond', status: 200, body: '{"access_token":"t"}' }, ['POST /token']],
    ['asks with GET where the server has no POST', { kind: 'respond', status: 405 }, ['POST /token', 'GET /token']],
  ] as const) {
    it(what, async () => {
      await using registry = await faultyRegistry(({ method, path, headers }) => {
        if (path.startsWith('/token')) return method === 'POST' ? post : { kind: 'respond', status: 200, body: '{"token":"t"}' }
        if (headers.authorization === 'Bearer t') return { kind: 'respond', status: 200, body: '{}' }
        return { kind: 'respond', status: 401, headers: { 'www-authenticate': `Bearer realm="${registry.url}token",service="s"` } }
      })
      const home = mkdtempSync(join(tmpdir(), 'tsbuild-login-'))
      try {
        writeFileSync(
          join(home, 'config.json'),
          JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('u:').toString('base64'), identitytoken: 'refresh' } } }),
        )
        await using client = openClient({ env: { DOCKER_CONFIG: home }, userAgent: 'test', now: Date.now, random: () => 0 })
        const response = await client.request(registry.host, { method: 'GET', to: '/v2/a/tags/list', scopes: ['repository:a:pull'] })
        await response.discard()
        assert.equal(response.status, 200)
        const tokens = registry.requests.filter(({ path }) => path.startsWith('/token'))
        assert.deepEqual(
          tokens.map(({ method, path }) => `${method} ${path.split('?')[0]}`),
          want,
        )
        assert.equal(
          tokens[0]?.body,
          'grant_type=refresh_token&refresh_token=refresh&client_id=tsbuild&service=s&scope=repository%3Aa%3Apull',
        )
      } finally {
        rmSync(home, { recursive: true, force: true })
      }
    })
  }
})
