import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fetchHttp, type HttpDeps, nameOfUrl } from '../../../builder/sources/http.ts'
import { realFolder } from '../../../fixtures/cli.ts'
import { SourceServer } from '../../../fixtures/source-server.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { TsbuildError } from '../../../registry/oci/error.ts'
import { Transport } from '../../../registry/remote/transport.ts'
import { openStore, type Store } from '../../../registry/store/store.ts'
import { openTestNative } from '../../registry/store/native.ts'

describe('fetchHttp', () => {
  let folder: string
  let store: Store
  let server: SourceServer
  let deps: HttpDeps
  const signal = new AbortController().signal
  before(async () => {
    folder = realFolder('http')
    store = await openStore({ root: join(folder, 'store'), bootId: 'x', native: openTestNative(), now: () => 0 })
    server = await SourceServer.start(join(folder, 'served'))
    const transport = new Transport({ env: {}, stallMs: 300 })
    deps = { transport, retry: { now: () => 0, random: () => 0, baseMs: 1, tries: 3 }, store, insecure: false, maxBytes: 10_000 }
  })
  after(async () => {
    await deps.transport[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  const blobs = () => readdirSync(join(folder, 'store/blobs/sha256')).length

  it('keeps nothing of a body without an end', async () => {
    server.answers.set('/endless', (_, response) => {
      const write = () => {
        while (!response.destroyed && response.write(Buffer.alloc(4096)));
      }
      response.on('drain', write)
      write()
    })
    const before = blobs()
    await assert.rejects(fetchHttp(server.url('endless'), { signal }, deps), { code: 'SOURCE_TOO_LARGE' })
    assert.equal(blobs(), before)
  })
  it('reads nothing of a body that is announced as too large', async () => {
    server.answers.set('/large', (_, response) => void response.writeHead(200, { 'content-length': '10001' }).flushHeaders())
    await assert.rejects(fetchHttp(server.url('large'), { signal }, deps), { code: 'SOURCE_TOO_LARGE' })
  })
  it('waits for no body of a redirect', async () => {
    server.answers.set(
      '/slow-moved',
      (_, response) => void response.writeHead(302, { location: server.file('end', 'e'), 'content-length': '9' }).flushHeaders(),
    )
    assert.equal((await fetchHttp(server.url('slow-moved'), { signal }, deps)).digest, digestOf('e'))
  })
  it('gives up on a body that stands still', async () => {
    server.answers.set('/stall', (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('x'))
    await assert.rejects(fetchHttp(server.url('stall'), { signal }, deps), { code: 'REGISTRY_TIMEOUT' })
  })
  it('tries again when the connection is lost in the middle', async () => {
    let tries = 0
    server.answers.set('/cut', (_, response) => {
      tries += 1
      response.writeHead(200, { 'content-length': '5' })
      if (tries === 1) response.write('he', () => response.destroy())
      else response.end('hello')
    })
    const { digest } = await fetchHttp(server.url('cut'), { signal }, deps)
    assert.equal(digest, digestOf('hello'))
    assert.equal(tries, 2)
  })
  it('does not believe a 304 about what it has not', async () => {
    const url = server.file('gone', 'content')
    const { digest } = await fetchHttp(url, { signal }, deps)
    await store.blobs.delete(digest)
    assert.equal((await fetchHttp(url, { signal }, deps)).digest, digest)
    assert.ok(existsSync(store.blobs.path(digest)))
  })
  it('passes the reason of an abort on', async () => {
    const abort = new AbortController()
    server.answers.set('/never', () => abort.abort(new TsbuildError('INTERRUPTED', 'enough')))
    await assert.rejects(fetchHttp(server.url('never'), { signal: abort.signal }, deps), { code: 'INTERRUPTED' })
  })
})

describe('nameOfUrl', () => {
  for (const [url, name] of [
    ['http://h/a/b.tar.gz?x=/y#z', 'b.tar.gz'],
    ['http://h/a/', 'a'],
    ['http://h/', '__unnamed__'],
    ['http://h', '__unnamed__'],
    ['http://h/%2e%2e', '__unnamed__'],
    ['http://h/a%2F..', '__unnamed__'],
    ['http://h/a%2Fb', 'b'],
    ['http://h/a%00b', '__unnamed__'],
    ['http://h/%zz', '%zz'],
    ['http://h/%C3%BC', 'ü'],
  ] as const)
    it(`of ${url} is ${name}`, () => assert.equal(nameOfUrl(new URL(url)), name))
})
