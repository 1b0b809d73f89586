import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { faultyRegistry } from '../../../fixtures/faulty-registry.ts'
import { proxyFor } from '../../../registry/remote/proxy.ts'
import { certificateFor } from './certificate.ts'
import { testClient } from './support.ts'

describe('proxyFor', () => {
  const proxied = (url: string, noProxy: string) =>
    proxyFor(new URL(url), { HTTPS_PROXY: 'proxy:3128', HTTP_PROXY: 'proxy:3129', NO_PROXY: noProxy })?.host

  for (const [url, noProxy, want] of [
    ['https://a.example', '', 'proxy:3128'],
    ['http://a.example', '', 'proxy:3129'],
    ['http://localhost:5000', '', undefined],
    ['https://127.0.0.9', '', undefined],
    ['https://[::1]', '', undefined],
    ['https://a.example', '*', undefined],
    ['https://a.example', 'example', undefined],
    ['https://a.example', 'other, a.example', undefined],
    ['https://b.a.example', 'a.example', undefined],
    ['https://ba.example', 'a.example', 'proxy:3128'],
    ['https://a.example', '.a.example', 'proxy:3128'],
    ['https://b.a.example', '*.a.example', undefined],
    ['https://a.example:8443', 'a.example:8443', undefined],
    ['https://a.example', 'a.example:8443', 'proxy:3128'],
    ['https://a.example', 'a.example:443', undefined],
    ['https://10.1.2.3', '10.0.0.0/8', undefined],
    ['https://11.1.2.3', '10.0.0.0/8', 'proxy:3128'],
    ['https://10.1.2.3', '10.1.2.3', undefined],
    ['https://[fd00::5]', 'fd00::/8', undefined],
    ['https://[fd00::5]:5000', '[fd00::5]:5000', undefined],
    ['https://a.example', '10.0.0.0/99,/,:,[', 'proxy:3128'],
  ] as [string, string, string | undefined][]) {
    it(`${want === undefined ? 'goes straight' : `takes ${want}`} to ${url} with NO_PROXY=${noProxy}`, () =>
      assert.equal(proxied(url, noProxy), want))
  }

  it('does not show a password in a proxy it cannot use', () => {
    assert.throws(() => proxyFor(new URL('https://a.example'), { https_proxy: 'socks5://me:secret@host' }), {
      code: 'PROXY_INVALID',
      message: 'not a proxy we can use: socks5://host',
    })
  })
})

describe('a client behind a proxy', () => {
  it('reaches an https registry through CONNECT, with the proxy user from its URL', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsbuild-proxy-'))
    const tls = certificateFor('registry.example')
    writeFileSync(join(folder, 'ca.pem'), tls.cert)
    await using registry = await faultyRegistry(() => ({ kind: 'respond', status: 200, body: '{}' }), { tls })
    const asked: IncomingMessage[] = []
    const proxy = createServer().on('connect', (request, socket) => {
      asked.push(request)
      const onward = connect(Number(registry.url.port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(onward).pipe(socket)
      })
      socket.on('error', () => undefined)
      onward.on('error', () => undefined)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port } = proxy.address() as { port: number }
    try {
      await using client = testClient({
        transport: { env: { HTTPS_PROXY: `http://me:pw@127.0.0.1:${port}`, SSL_CERT_FILE: join(folder, 'ca.pem') } },
      })
      const response = await client.request('registry.example', { method: 'GET', to: '/v2/a/tags/list', scopes: [] })
      await response.discard()
      assert.deepEqual([response.status, asked[0]?.url], [200, 'registry.example:443'])
      assert.equal(asked[0]?.headers['proxy-authorization'], `Basic ${Buffer.from('me:pw').toString('base64')}`)
      assert.equal(registry.requests.at(-1)?.headers['proxy-authorization'], undefined)
    } finally {
      proxy.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
