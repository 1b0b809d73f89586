import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cli } from '../../fixtures/cli.ts'
import { SourceServer } from '../../fixtures/source-server.ts'

const TOKEN = `Basic ${Buffer.from('x-access-token:sesame').toString('base64')}`

describe('secrets for repositories over http', function () {
  this.timeout(60_000)
  let cli: Cli
  let server: SourceServer
  let other: SourceServer
  let host: string
  before(async function () {
    if (spawnSync('git', ['--version']).status !== 0) return this.skip()
    cli = new Cli('git-credentials')
    server = await SourceServer.start(join(cli.folder, 'served'))
    other = await SourceServer.start(join(cli.folder, 'elsewhere'))
    server.repository('private', { Dockerfile: 'FROM scratch\nCOPY p /\n', p: 'p' })
    host = new URL(server.url('')).host
  })
  after(async () => {
    await server?.[Symbol.asyncDispose]()
    await other?.[Symbol.asyncDispose]()
    await cli?.[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    server.locked.set('/private.git', TOKEN)
    for (const { headers } of [server, other]) headers.length = 0
  })
  const add = (url: string) => ({ dockerfile: `FROM scratch\nADD ${url} /\n` })
  /** Each by a variable of its own; those for `nobody` are wrong. */
  const given = (...ids: readonly string[]) => ({
    args: ids.flatMap((id, index) => ['--secret', `id=${id},env=SECRET_${index}`]),
    env: Object.fromEntries(
      ids.map((id, index) => [`SECRET_${index}`, id.includes('nobody') ? 'wrong' : id.includes('HEADER') ? 'Custom sesame' : 'sesame\n']),
    ),
  })
  const sent = ({ headers }: SourceServer) => new Set(headers.map(({ authorization }) => authorization))
  /** A repository whose one submodule `m` is the repository `private`, found at `url`. */
  const naming = (name: string, url: string) =>
    server.repository(name, { '.gitmodules': `[submodule "m"]\n\tpath = m\n\turl = ${url}\n` }, (git) => {
      const commit = spawnSync('git', ['-C', join(server.folder, 'private.git'), 'rev-parse', 'HEAD'], { encoding: 'utf8' }).stdout.trim()
      git('update-index', '--add', '--cacheinfo', `160000,${commit},m`)
      git('commit', '-q', '-m', 'link')
    })

  for (const [what, ids, wanted] of [
    ['a token is the password of x-access-token', ['GIT_AUTH_TOKEN'], TOKEN],
    ['a header is sent as it is', ['GIT_AUTH_HEADER'], 'Custom sesame'],
    ['a header goes before a token', ['GIT_AUTH_TOKEN', 'GIT_AUTH_HEADER'], 'Custom sesame'],
    ['one for the host goes before one for any', ['GIT_AUTH_HEADER', 'GIT_AUTH_TOKEN.HOST'], TOKEN],
    ['one for another host does not count', ['GIT_AUTH_HEADER.nobody.invalid', 'GIT_AUTH_TOKEN'], TOKEN],
  ] as const)
    it(what, async () => {
      server.locked.set('/private.git', wanted)
      const options = given(...ids.map((id) => id.replace('HOST', host)))
      const { image, stderr } = await cli.build(add(server.url('private.git')), { ...options, args: [...options.args, '--no-cache'] })
      assert.ok(image.tree.has('p'))
      assert.deepEqual([...sent(server)], [wanted])
      assert.doesNotMatch(stderr + JSON.stringify(image.config), /sesame/)
    })
  it('goes before what the URL has', async () => {
    await cli.build(add(server.url('private.git').replace('//', '//me:wrong@')), given('GIT_AUTH_TOKEN'))
    assert.deepEqual([...sent(server)], [TOKEN])
  })
  it('is what a private context is read with, and checked with', async () => {
    const url = server.url('private.git')
    const { args, env } = given('GIT_AUTH_TOKEN')
    assert.equal((await cli.run(['build', ...args, url], { env })).status, 0)
    assert.equal((await cli.run(['build', '--check', ...args, url], { env })).status, 0)
    const { status, stderr } = await cli.run(['build', url])
    assert.notEqual(status, 0)
    assert.match(stderr, /hint: .*--secret id=GIT_AUTH_TOKEN/)
  })
  it('is in no command line', async () => {
    const bin = join(cli.folder, 'bin')
    mkdirSync(bin)
    const git = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim()
    writeFileSync(join(bin, 'git'), `#!/bin/sh\nprintf '%s ' "$@" >>${bin}/seen\nexec ${git} "$@"\n`, { mode: 0o755 })
    const { args, env } = given('GIT_AUTH_TOKEN')
    await cli.build(add(server.url('private.git')), { args, env: { ...env, PATH: `${bin}:${process.env.PATH}` } })
    assert.ok(existsSync(join(bin, 'seen')))
    assert.doesNotMatch(readFileSync(join(bin, 'seen'), 'utf8'), /Authorization|sesame|eC1hY2Nlc3M/)
  })
  it('is not taken along by a redirect', async () => {
    server.answers.set('/moved.git/info/refs', (request, response) => {
      response.writeHead(302, { location: other.url(`moved.git/info/refs${new URL(request.url ?? '', 'http://x').search}`) }).end()
    })
    other.repository('moved', { m: 'm' })
    const { stderr } = await cli.fail(add(server.url('moved.git')), given('GIT_AUTH_TOKEN'))
    assert.match(stderr, /hint: credentials do not follow a redirect: name the address that it leads to/)
    assert.deepEqual([...sent(other)], [])
    assert.ok((await cli.build(add(server.url('moved.git')))).image.tree.has('m'))
    assert.deepEqual([...sent(other)], [undefined])
  })
  for (const [what, url] of [
    ['relative', './private.git'],
    ['by its whole URL', 'SERVER/private.git'],
  ] as const)
    it(`a submodule of the same server is read with it, ${what}`, async () => {
      const name = `with-${what.slice(0, 2)}`
      naming(name, url.replace('SERVER', server.url('').slice(0, -1)).replace('./', '../'))
      assert.ok((await cli.build(add(server.url(`${name}.git`)), given('GIT_AUTH_TOKEN'))).image.tree.has('m/p'))
    })
  it('a submodule of another server is read without it', async () => {
    naming('abroad', other.url('private.git'))
    await cli.fail(add(server.url('abroad.git')), given('GIT_AUTH_TOKEN'))
    assert.deepEqual([...sent(server)], [TOKEN])
    assert.deepEqual([...sent(other)], [undefined])
  })
  it('is refused, and not shown, when it is no header', async () => {
    const { stderr } = await cli.fail(add(server.url('private.git')), {
      args: ['--secret', 'id=GIT_AUTH_HEADER,env=AUTH'],
      env: { AUTH: 'one\r\nX-Sesame: two' },
    })
    assert.match(stderr, /secret GIT_AUTH_HEADER cannot be sent as a header/)
    assert.doesNotMatch(stderr, /sesame/i)
  })
})
