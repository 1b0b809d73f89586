import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type FaultyRegistry, faultyRegistry, type Script } from '../../fixtures/faulty-registry.ts'
import { noSandbox } from '../../fixtures/sandbox.ts'
import { type DockerRegistry, dockerRegistry, has } from '../registry/remote/docker-registry.ts'
import { type Complaint, complains, published } from './failing.ts'
import { provesSound } from './kill-support.ts'
import { Workbench } from './workbench.ts'

/** bcrypt of `secret`. */
const HTPASSWD = 'me:$2b$04$7BmVXgNa1HBbDUuT3LyiQeRQr9uMa5YI.pgCDh/X6iA9bBiKbMmIS\n'
const CORRUPT = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)])

const isBlob = (path: string) => path.includes('/blobs/sha256:')
const isManifest = (path: string) => path.includes('/manifests/')

/** What the registry does to each pull, and what is said about it. */
const CASES: readonly [what: string, script: Script, complaint: Complaint][] = [
  [
    'blobs that are not their digest',
    ({ method, path }) => (method === 'GET' && isBlob(path) ? { kind: 'change', body: CORRUPT } : undefined),
    { says: /sha256:[0-9a-f]{64}/ },
  ],
  [
    'blobs that end early',
    ({ method, path }) =>
      method === 'GET' && isBlob(path) ? { kind: 'change', body: (bytes) => bytes.subarray(0, bytes.length >> 1) } : undefined,
    { says: /sha256:[0-9a-f]{64}/ },
  ],
  [
    'a manifest that is none',
    ({ path }) => (isManifest(path) ? { kind: 'change', body: () => Buffer.from('<html>') } : undefined),
    { says: /the registry sent other bytes/, hint: /not to be trusted/ },
  ],
  [
    'a manifest that is too big',
    ({ path }) => (isManifest(path) ? { kind: 'change', body: () => Buffer.alloc(20 << 20, 32) } : undefined),
    { says: /bytes/ },
  ],
  [
    'no such image',
    () => ({ kind: 'respond', status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no\\u001b[31m such"}]}' }),
    { says: /app:1/, hint: /name/ },
  ],
  ['a refusal without words', () => ({ kind: 'respond', status: 403 }), { says: /403|denied|refused/i }],
  [
    'a challenge that leads nowhere',
    () => ({ kind: 'respond', status: 401, headers: { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' } }),
    { says: /127\.0\.0\.1:1/ },
  ],
  ['no challenge', () => ({ kind: 'respond', status: 401 }), { says: /401|log ?in|unauthorized/i, hint: /login/ }],
]

describe('a registry that is no good', function () {
  this.timeout(60_000)
  let bench: Workbench
  let shelf: Workbench
  let upstream: URL
  before(async function () {
    const missing = noSandbox()
    if (missing !== undefined) return void this.skip()
    bench = await Workbench.create()
    shelf = await Workbench.create()
    const served = shelf.start(['registry', 'serve', '--listen', '127.0.0.1:0', '-q'])
    upstream = new URL(`http://${await served.printed(/127\.0\.0\.1:\d+/)}`)
    await bench.addBase()
    bench.write('context/data', randomBytes(3 << 20))
    const built = await bench.build('FROM base\nCOPY data /\n', ['-t', `${upstream.host}/app:1`, '--push'])
    assert.equal(built.status, 0, built.stderr)
    await bench.expect(['prune', '--all'])
    await bench.addBase()
  })
  after(async () => {
    await bench?.[Symbol.asyncDispose]()
    await shelf?.[Symbol.asyncDispose]()
  })

  async function fails(args: readonly string[], complaint: Complaint): Promise<void> {
    const before = published(bench)
    complains(await bench.run(args), complaint)
    const { remains: _, ...after } = published(bench)
    const { remains: __, ...was } = before
    assert.deepEqual(after, was)
    await provesSound(bench)
  }

  for (const [what, script, complaint] of CASES)
    it(`sends ${what}: told in one line, and nothing is kept`, async () => {
      await using faulty = await faultyRegistry(script, { upstream })
      await fails(['pull', `${faulty.host}/app:1`], complaint)
    })

  it('is told at the FROM that needs it', async () => {
    await using faulty = await faultyRegistry(() => ({ kind: 'respond', status: 404 }), { upstream })
    await fails([...bench.buildOf(`FROM ${faulty.host}/app:1\nRUN ls\n`), bench.context], { says: /app/, shows: / 1 \| >>> FROM/ })
  })

  it('gives another manifest than the digest asked for', async () => {
    await using faulty = await faultyRegistry(({ path }) => (isManifest(path) ? { kind: 'change', body: CORRUPT } : undefined), {
      upstream,
    })
    await fails(['pull', `${faulty.host}/app@sha256:${'a'.repeat(64)}`], { says: /sha256:a{64}|not found|404/ })
  })

  it('that breaks off now and then is asked for the rest', async () => {
    let cuts = 0
    const script: Script = ({ method, path }) =>
      method === 'GET' && isBlob(path) && cuts++ < 3 ? { kind: 'cut-answer', after: 100 } : undefined
    await using faulty = await faultyRegistry(script, { upstream })
    await bench.expect(['pull', `${faulty.host}/app:1`])
    assert.ok(cuts > 3)
    await provesSound(bench)
    await bench.expect(['rmi', `${faulty.host}/app:1`])
    await bench.expect(['prune'])
  })

  for (const [what, script] of [
    ['says nothing', () => ({ kind: 'silent' })],
    ['drips', ({ path }) => (isBlob(path) ? { kind: 'endless', chunk: Buffer.of(0), everyMs: 500 } : undefined)],
  ] as const satisfies readonly (readonly [string, Script])[]) {
    it(`that ${what} can be left at once by Ctrl-C`, async () => {
      await using faulty: FaultyRegistry = await faultyRegistry(script, { upstream })
      const pulling = bench.start(['pull', `${faulty.host}/app:1`])
      while (faulty.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
      await new Promise((resolve) => setTimeout(resolve, 300))
      const from = performance.now()
      pulling.kill('SIGINT')
      complains(await pulling.ended, { status: 130, says: 'interrupted by SIGINT' })
      assert.ok(performance.now() - from < 2000)
      await provesSound(bench)
    })
  }

  it('that floods is cut off', async () => {
    const script: Script = ({ method, path }) =>
      method === 'GET' && isBlob(path) ? { kind: 'endless', chunk: Buffer.alloc(1 << 20), everyMs: 0 } : undefined
    await using faulty = await faultyRegistry(script, { upstream })
    await fails(['pull', `${faulty.host}/app:1`], { says: /sha256:[0-9a-f]{64}/ })
  })
})

describe('a registry that wants to know who it is', function () {
  this.timeout(60_000)
  let bench: Workbench
  let registry: DockerRegistry
  before(async function () {
    const missing = noSandbox() ?? (has('docker-registry') ? undefined : 'no docker-registry')
    if (missing !== undefined) return void this.skip()
    registry = await dockerRegistry({ htpasswd: HTPASSWD })
    bench = await Workbench.create()
    await bench.addBase()
  })
  after(async () => {
    await bench?.[Symbol.asyncDispose]()
    await registry?.[Symbol.asyncDispose]()
  })
  const login = (password: string) => bench.run(['login', '-u', 'me', '--password-stdin', registry.host], { input: password })

  it('refuses without credentials, and the hint says what to do', async () => {
    complains(await bench.run(['push', '-q', 'base', `${registry.host}/base:1`]), {
      says: new RegExp(registry.host),
      hint: /tsbuild login/,
    })
    complains(await bench.run(['pull', '-q', `${registry.host}/base:1`]), { says: new RegExp(registry.host), hint: /tsbuild login/ })
  })

  it('refuses wrong ones at login, which keeps nothing', async () => {
    complains(await login('wrong'), { says: new RegExp(registry.host) })
    complains(await bench.run(['push', '-q', 'base', `${registry.host}/base:1`]), {
      says: new RegExp(registry.host),
      hint: /tsbuild login/,
    })
  })

  it('refuses wrong ones that stand in the file, and they are not printed', async () => {
    const auth = Buffer.from('me:verysecretword').toString('base64')
    const file = bench.write('home/.docker/config.json', JSON.stringify({ auths: { [registry.host]: { auth } } }), 0o600)
    const ended = await bench.run(['push', '-q', 'base', `${registry.host}/base:1`])
    complains(ended, { says: new RegExp(registry.host) })
    assert.ok(!ended.stderr.includes('verysecretword') && !ended.stderr.includes(auth))
    bench.write(file.slice(bench.folder.length + 1), '{', 0o600)
    complains(await bench.run(['push', '-q', 'base', `${registry.host}/base:1`]), { says: /config\.json/ })
    bench.write(file.slice(bench.folder.length + 1), '{}', 0o600)
  })

  it('takes the right ones', async () => {
    assert.equal((await login('secret')).status, 0)
    await bench.expect(['push', '-q', 'base', `${registry.host}/base:1`])
    await bench.expect(['logout', registry.host])
    complains(await bench.run(['pull', '-q', `${registry.host}/base:1`]), { says: new RegExp(registry.host), hint: /tsbuild login/ })
    await provesSound(bench)
  })
})
