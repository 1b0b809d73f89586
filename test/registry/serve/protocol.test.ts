import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import type { Descriptor } from '../../../registry/oci/descriptor.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../registry/oci/media-type.ts'
import type { ServedRegistry } from '../../../registry/serve/server.ts'
import { serve } from '../remote/support.ts'
import { type TestStore, testStore } from '../store/support.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Code of the first error in the body. */
  readonly code: string | undefined
}

interface Options {
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

const BLOB = Buffer.from('0123456789')
const DIGEST = digestOf(BLOB)
const SHA512 = digestOf(BLOB, 'sha512')
const blobOf = (text: string, mediaType = OCI_LAYER): Descriptor => ({ mediaType, digest: digestOf(text), size: text.length })

describe('the protocol of serveRegistry', () => {
  let local: TestStore
  let registry: ServedRegistry
  const log: number[] = []
  before(async () => {
    local = await testStore()
    registry = await serve(local.store, { log: ({ status }) => void log.push(status) })
  })
  after(async () => {
    await registry.close()
    await local[Symbol.asyncDispose]()
    assert.ok(log.every((status) => status < 500))
  })

  function ask(method: string, path: string, { headers = {}, body }: Options = {}, base: URL = registry.url): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({ host: base.hostname, port: base.port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const code = response.headers['content-type'] === 'application/json' ? JSON.parse(text || '{}').errors?.[0]?.code : undefined
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, code })
        })
      })
      request.on('error', reject)
      request.end(body)
    })
  }
  const begin = async (repository = 'a/b') => {
    const { status, headers } = await ask('POST', `/v2/${repository}/blobs/uploads/`)
    assert.equal(status, 202)
    return headers.location ?? ''
  }
  const upload = async (body: string | Buffer, repository = 'a/b') => {
    const { status } = await ask('POST', `/v2/${repository}/blobs/uploads/?digest=${digestOf(body)}`, { body })
    assert.equal(status, 201)
  }
  const manifestOf = (config: Descriptor, layers: Descriptor[], more: object = {}) =>
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, ...more })
  const putManifest = (repository: string, key: string, body: string, type: string = OCI_MANIFEST) =>
    ask('PUT', `/v2/${repository}/manifests/${key}`, { headers: { 'content-type': type }, body })

  it('answers to its root', async () => {
    const { status, headers, body } = await ask('GET', '/v2/')
    assert.deepEqual([status, headers['docker-distribution-api-version'], body], [200, 'registry/2.0', '{}'])
  })

  describe('blobs', () => {
    before(() => upload(BLOB))
    for (const [range, status, body, contentRange] of [
      [undefined, 200, '0123456789', undefined],
      ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
      ['bytes=7-', 206, '789', 'bytes 7-9/10'],
      ['bytes=-3', 206, '789', 'bytes 7-9/10'],
      ['bytes=-30', 206, '0123456789', 'bytes 0-9/10'],
      ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
      ['bytes=10-', 416, undefined, 'bytes */10'],
      ['bytes=-0', 416, undefined, 'bytes */10'],
      ['bytes=5-2', 200, '0123456789', undefined],
      ['bytes=0-1,3-4', 200, '0123456789', undefined],
      ['lines=1-2', 200, '0123456789', undefined],
    ] as [string | undefined, number, string | undefined, string | undefined][]) {
      it(`gives ${range ?? 'all'}`, async () => {
        const answer = await ask('GET', `/v2/a/b/blobs/${DIGEST}`, { headers: range === undefined ? {} : { range } })
        assert.deepEqual([answer.status, answer.headers['content-range']], [status, contentRange])
        if (body !== undefined) assert.equal(answer.body, body)
      })
    }

    it('tells of one by HEAD what GET would', async () => {
      const head = await ask('HEAD', `/v2/a/b/blobs/${DIGEST}`)
      assert.deepEqual(
        [head.status, head.body, head.headers['content-length'], head.headers['docker-content-digest']],
        [200, '', '10', DIGEST],
      )
      assert.equal((await ask('HEAD', `/v2/a/b/blobs/${digestOf('other')}`)).status, 404)
      assert.equal((await ask('GET', `/v2/a/b/blobs/${digestOf('other')}`)).code, 'BLOB_UNKNOWN')
    })

    it('shares one between repositories, and mounts it', async () => {
      const mounted = await ask('POST', `/v2/c/d/blobs/uploads/?mount=${DIGEST}&from=a/b`)
      assert.deepEqual([mounted.status, mounted.headers.location], [201, `/v2/c/d/blobs/${DIGEST}`])
      assert.equal((await ask('GET', mounted.headers.location ?? '')).body, BLOB.toString())
      assert.equal((await ask('POST', `/v2/c/d/blobs/uploads/?mount=${digestOf('other')}&from=a/b`)).status, 202)
    })

    it('deletes what nothing needs', async () => {
      await upload('to delete')
      assert.equal((await ask('DELETE', `/v2/a/b/blobs/${digestOf('to delete')}`)).status, 202)
      assert.equal((await ask('GET', `/v2/a/b/blobs/${digestOf('to delete')}`)).status, 404)
      assert.equal((await ask('DELETE', `/v2/a/b/blobs/${digestOf('to delete')}`)).status, 404)
      const own = await local.store.blobs.put(Buffer.from('made here'))
      assert.equal((await ask('DELETE', `/v2/a/b/blobs/${own}`)).status, 403)
    })
  })

  describe('uploads', () => {
    const chunk = (start: number, body: string) => ({ headers: { 'content-range': `${start}-${start + body.length - 1}` }, body })

    it('takes chunks exactly where the last one ended', async () => {
      const location = await begin()
      const first = await ask('PATCH', location, chunk(0, '0123'))
      assert.deepEqual([first.status, first.headers.range, first.headers.location], [202, '0-3', location])
      const skipped = await ask('PATCH', location, chunk(6, '67'))
      assert.deepEqual([skipped.status, skipped.headers.range, skipped.headers.location], [416, '0-3', location])
      assert.equal((await ask('PATCH', location, chunk(0, '0123'))).status, 416)
      assert.equal((await ask('PUT', `${location}?digest=${DIGEST}`, chunk(6, '6789'))).status, 416)
      const status = await ask('GET', location)
      assert.deepEqual([status.status, status.headers.range], [204, '0-3'])
      assert.equal((await ask('PATCH', location, { body: '456' })).headers.range, '0-6')
      const end = await ask('PUT', `${location}?digest=${DIGEST}`, chunk(7, '789'))
      assert.deepEqual([end.status, end.headers.location, end.headers['docker-content-digest']], [201, `/v2/a/b/blobs/${DIGEST}`, DIGEST])
      assert.equal((await ask('GET', location)).code, 'BLOB_UPLOAD_UNKNOWN')
    })

    it('takes a blob in one, two or three requests, the empty one too, and sha512', async () => {
      await upload('in one')
      await upload('')
      const two = await begin()
      assert.equal((await ask('PUT', `${two}?digest=${SHA512}`, { body: BLOB })).status, 201)
      const got = await ask('GET', `/v2/a/b/blobs/${SHA512}`)
      assert.deepEqual([got.headers['docker-content-digest'], got.body], [SHA512, BLOB.toString()])
      const three = await begin()
      await ask('PATCH', three, { body: 'in three' })
      assert.equal((await ask('PUT', `${three}?digest=${digestOf('in three')}`)).status, 201)
    })

    it('keeps what came before the connection was lost', async () => {
      const location = await begin()
      const socket = connect(Number(registry.url.port), '127.0.0.1')
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nContent-Range: 0-9\r\n\r\n01234`)
      await new Promise((resolve) => setTimeout(resolve, 100))
      socket.destroy()
      await once(socket, 'close')
      await new Promise((resolve) => setTimeout(resolve, 100))
      assert.equal((await ask('GET', location)).headers.range, '0-4')
      await ask('PATCH', location, { headers: { 'content-range': '5-9' }, body: '56789' })
      assert.equal((await ask('PUT', `${location}?digest=${DIGEST}`)).status, 201)
    })

    it('goes on after the server was started again', async () => {
      const location = await begin()
      await ask('PATCH', location, { body: '01234' })
      await using again = await serve(local.store)
      assert.equal((await ask('GET', location, {}, again.url)).headers.range, '0-4')
      assert.equal((await ask('PUT', `${location}?digest=${DIGEST}`, { body: '56789' }, again.url)).status, 201)
    })

    it('refuses another content, and drops it', async () => {
      const location = await begin()
      const wrong = await ask('PUT', `${location}?digest=${digestOf('right')}`, { body: 'wrong' })
      assert.deepEqual([wrong.status, wrong.code], [400, 'DIGEST_INVALID'])
      assert.equal((await ask('GET', `/v2/a/b/blobs/${digestOf('right')}`)).status, 404)
    })

    it('can be given up', async () => {
      const location = await begin()
      assert.equal((await ask('DELETE', location)).status, 204)
      assert.equal((await ask('PATCH', location, { body: 'x' })).status, 404)
    })

    for (const [what, method, path, options, status] of [
      ['of another repository', 'PATCH', (location: string) => location.replace('a/b', 'c/d'), { body: 'x' }, 404],
      ['with a path for an id', 'GET', () => '/v2/a/b/blobs/uploads/..%2F..%2Fformat', {}, 404],
      ['without a digest at its end', 'PUT', (location: string) => location, {}, 400],
      ['with a digest that is none', 'PUT', (location: string) => `${location}?digest=sha256:zz`, {}, 400],
      ['with a range that is none', 'PATCH', (location: string) => location, { headers: { 'content-range': 'x-y' }, body: 'x' }, 400],
      ['with a range of another length', 'PATCH', (location: string) => location, { headers: { 'content-range': '0-5' }, body: 'x' }, 400],
      ['with a method of nothing', 'OPTIONS', (location: string) => location, {}, 405],
    ] as [string, string, (location: string) => string, Options, number][]) {
      it(`refuses one ${what}`, async () => assert.equal((await ask(method, path(await begin()), options)).status, status))
    }
  })

  describe('manifests', () => {
    const config = blobOf('{}', OCI_CONFIG)
    const layer = blobOf('layer')
    const manifest = manifestOf(config, [layer], { unknown: { kept: true } })
    before(async () => {
      await upload('{}')
      await upload('layer')
    })

    it('come back byte for byte, by tag and digest, by GET and HEAD', async () => {
      const put = await putManifest('m/one', 'v1', manifest)
      const digest = digestOf(manifest)
      assert.deepEqual(
        [put.status, put.headers['docker-content-digest'], put.headers.location],
        [201, digest, `/v2/m/one/manifests/${digest}`],
      )
      for (const key of ['v1', digest]) {
        const got = await ask('GET', `/v2/m/one/manifests/${key}`)
        assert.deepEqual(
          [got.status, got.body, got.headers['content-type'], got.headers['docker-content-digest']],
          [200, manifest, OCI_MANIFEST, digest],
        )
        const head = await ask('HEAD', `/v2/m/one/manifests/${key}`)
        assert.deepEqual(
          [head.status, head.headers['content-length'], head.headers['content-type']],
          [200, String(manifest.length), OCI_MANIFEST],
        )
      }
      assert.equal((await ask('GET', `/v2/m/other/manifests/${digest}`)).code, 'MANIFEST_UNKNOWN')
    })

    it('stay by digest when their tag moves on, and go when they are deleted', async () => {
      const other = manifestOf(config, [])
      await putManifest('m/moved', 'v1', manifest)
      await putManifest('m/moved', 'v1', other)
      assert.equal((await ask('GET', `/v2/m/moved/manifests/${digestOf(manifest)}`)).body, manifest)
      assert.equal((await ask('DELETE', '/v2/m/moved/manifests/v1')).status, 202)
      assert.equal((await ask('GET', '/v2/m/moved/manifests/v1')).status, 404)
      assert.equal((await ask('GET', `/v2/m/moved/manifests/${digestOf(other)}`)).status, 200)
      assert.equal((await ask('DELETE', `/v2/m/moved/manifests/${digestOf(other)}`)).status, 202)
      assert.equal((await ask('GET', `/v2/m/moved/manifests/${digestOf(other)}`)).status, 404)
      assert.equal((await ask('DELETE', `/v2/m/moved/manifests/${digestOf(other)}`)).status, 404)
    })

    it('that were named here are served, and neither deleted nor replaced from outside', async () => {
      const named = { mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.length }
      await local.store.names.set('docker.io/library/base:1', named)
      await local.store.names.set('quay.io/x/y:1', named)
      for (const repository of ['base', 'library/base']) {
        assert.equal((await ask('GET', `/v2/${repository}/manifests/1`)).body, manifest)
        assert.deepEqual(JSON.parse((await ask('GET', `/v2/${repository}/tags/list`)).body).tags, ['1'])
      }
      assert.equal((await ask('GET', '/v2/quay.io/x/y/manifests/1')).body, manifest)
      assert.equal((await ask('DELETE', '/v2/library/base/manifests/1')).status, 403)
      const other = manifestOf(config, [])
      await putManifest('library/base', '1', other)
      assert.equal((await ask('GET', '/v2/library/base/manifests/1')).body, other)
      assert.deepEqual(await local.store.names.get('docker.io/library/base:1'), named)
    })

    it('of an index lead to its children by digest', async () => {
      const child = { mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.length }
      const index = JSON.stringify({ schemaVersion: 2, manifests: [child] })
      assert.equal((await putManifest('m/index', digestOf(manifest), manifest)).status, 201)
      assert.equal((await putManifest('m/index', 'all', index, OCI_INDEX)).status, 201)
      assert.equal((await ask('GET', '/v2/m/index/manifests/all')).headers['content-type'], OCI_INDEX)
      assert.equal((await ask('GET', `/v2/m/index/manifests/${child.digest}`)).body, manifest)
      assert.equal((await ask('DELETE', `/v2/m/index/manifests/${child.digest}`)).status, 403)
    })

    for (const [what, key, body, type, status, code] of [
      ['that is not JSON', 'x', '{', OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
      ['of a type we do not know', 'x', manifest, 'application/vnd.unknown+json', 400, 'MANIFEST_INVALID'],
      ['whose types differ', 'x', manifest, OCI_INDEX, 400, 'MANIFEST_INVALID'],
      ['that is two things', 'x', manifestOf(config, [], { manifests: [] }), OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
      ['with a blob that is not here', 'x', manifestOf(config, [blobOf('absent')]), OCI_MANIFEST, 400, 'MANIFEST_BLOB_UNKNOWN'],
      ['with a wrong size', 'x', manifestOf(config, [{ ...layer, size: 99 }]), OCI_MANIFEST, 400, 'MANIFEST_BLOB_UNKNOWN'],
      ['with a negative size', 'x', manifestOf(config, [{ ...layer, size: -1 }]), OCI_MANIFEST, 400, 'MANIFEST_INVALID'],
      [
        'of an index whose child is not here',
        'x',
        JSON.stringify({ schemaVersion: 2, manifests: [blobOf('absent', OCI_MANIFEST)] }),
        OCI_INDEX,
        400,
        'MANIFEST_UNKNOWN',
      ],
      ['under the digest of another', digestOf('other'), manifest, OCI_MANIFEST, 400, 'DIGEST_INVALID'],
      ['under a digest that is none', 'sha256:zz', manifest, OCI_MANIFEST, 400, 'DIGEST_INVALID'],
      ['under a tag that is none', '-x', manifest, OCI_MANIFEST, 400, 'TAG_INVALID'],
      ['that is too large', 'x', ' '.repeat((4 << 20) + 1), OCI_MANIFEST, 413, 'SIZE_INVALID'],
    ] as [string, string, string, string, number, string][]) {
      it(`refuses one ${what}`, async () => {
        const answer = await putManifest('m/bad', key, body, type)
        assert.deepEqual([answer.status, answer.code], [status, code])
        assert.equal((await ask('GET', '/v2/m/bad/tags/list')).code, 'NAME_UNKNOWN')
      })
    }

    it('takes a layer that may not be pushed, and a subject that is not here yet, which then has a referrer', async () => {
      const foreign = { ...blobOf('windows'), mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar' }
      assert.equal((await putManifest('m/foreign', 'v1', manifestOf(config, [foreign]))).status, 201)
      const subject = { mediaType: OCI_MANIFEST, digest: digestOf(manifest), size: manifest.length }
      const referrer = manifestOf(config, [layer], { artifactType: 'text/sbom', subject, annotations: { a: 'b' } })
      const put = await putManifest('m/subject', digestOf(referrer), referrer)
      assert.deepEqual([put.status, put.headers['oci-subject']], [201, subject.digest])
      const path = `/v2/m/subject/referrers/${subject.digest}`
      const list = await ask('GET', path)
      assert.equal(list.headers['content-type'], OCI_INDEX)
      assert.deepEqual(JSON.parse(list.body).manifests, [
        { mediaType: OCI_MANIFEST, digest: digestOf(referrer), size: referrer.length, artifactType: 'text/sbom', annotations: { a: 'b' } },
      ])
      const filtered = await ask('GET', `${path}?artifactType=other`)
      assert.deepEqual([filtered.headers['oci-filters-applied'], JSON.parse(filtered.body).manifests], ['artifactType', []])
      assert.deepEqual(JSON.parse((await ask('GET', `/v2/no/such/referrers/${subject.digest}`)).body).manifests, [])
    })
  })

  describe('tags', () => {
    before(async () => {
      await upload('{}')
      for (const tag of ['b', 'a', 'd', 'c']) await putManifest('t', tag, manifestOf(blobOf('{}', OCI_CONFIG), []))
    })
    for (const [query, tags, link] of [
      ['', ['a', 'b', 'c', 'd'], undefined],
      ['?n=2', ['a', 'b'], '</v2/t/tags/list?n=2&last=b>; rel="next"'],
      ['?n=2&last=b', ['c', 'd'], undefined],
      ['?last=bb', ['c', 'd'], undefined],
      ['?n=0', [], undefined],
      ['?n=9', ['a', 'b', 'c', 'd'], undefined],
    ] as [string, string[], string | undefined][]) {
      it(`lists ${tags.join(', ') || 'none'} for ${query || 'no query'}`, async () => {
        const { body, headers } = await ask('GET', `/v2/t/tags/list${query}`)
        assert.deepEqual([JSON.parse(body), headers.link], [{ name: 't', tags }, link])
      })
    }
    it('refuses a number that is none', async () => assert.equal((await ask('GET', '/v2/t/tags/list?n=-1')).status, 400))
  })

  for (const [method, path, status] of [
    ['GET', '/', 404],
    ['GET', '/v2/a', 404],
    ['GET', '/v2/A/manifests/x', 400],
    ['GET', '/v2/a//b/manifests/x', 400],
    ['GET', '/v2/../../etc/passwd', 404],
    ['GET', '/v2/a/..%2F..%2Fb/manifests/x', 400],
    ['GET', '/v2/%zz/manifests/x', 404],
    ['GET', `/v2/${'a/'.repeat(200)}b/manifests/x`, 400],
    ['GET', '/v2/a/blobs/sha256:..%2F..%2Fx', 404],
    ['GET', '/v2/a/blobs/sha256:abc', 400],
    ['GET', '/v2/a/blobs/md5:abc', 400],
    ['GET', `/v2/a/manifests/${'x'.repeat(200)}`, 404],
    ['PUT', `/v2/a/blobs/${DIGEST}`, 405],
    ['POST', '/v2/a/tags/list', 405],
  ] as [string, string, number][]) {
    it(`answers ${status} to ${method} ${path.slice(0, 60)}`, async () => assert.equal((await ask(method, path)).status, status))
  }

  it('refuses pages of the web and hosts that are not this machine', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }, { host: 'localhost.evil.example:80' }] as Record<
      string,
      string
    >[]) {
      assert.equal((await ask('POST', '/v2/a/blobs/uploads/', { headers })).status, 403)
    }
    assert.equal((await ask('GET', '/v2/', { headers: { host: 'localhost:5000' } })).status, 200)
  })

  it('only reads when it is read-only', async () => {
    await upload(BLOB)
    await using readOnly = await serve(local.store, { readOnly: true })
    assert.equal((await ask('GET', `/v2/a/b/blobs/${DIGEST}`, {}, readOnly.url)).status, 200)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      assert.equal((await ask(method, '/v2/a/b/blobs/uploads/', {}, readOnly.url)).status, 405)
  })

  it('survives what is no HTTP', async () => {
    const socket = connect(Number(registry.url.port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.end(createHash('sha512').update('x').digest())
    await once(socket.resume(), 'close')
    assert.equal((await ask('GET', '/v2/')).status, 200)
  })

  it('ends requests under way before it closes', async () => {
    const closing = await serve(local.store)
    const { headers } = await ask('POST', '/v2/a/b/blobs/uploads/', {}, closing.url)
    const socket = connect(Number(closing.url.port), '127.0.0.1')
    socket.write(`PATCH ${headers.location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = closing.close()
    await assert.rejects(ask('GET', '/v2/', {}, closing.url), { code: 'ECONNREFUSED' })
    socket.write('y')
    const [answer] = await once(socket, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 202 /)
    await closed
    socket.destroy()
  })

  it('says which port it cannot have', async () => {
    await assert.rejects(serve(local.store, { port: Number(registry.url.port) }), { code: 'SERVE_FAILED' })
  })
})
