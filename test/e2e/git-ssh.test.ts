import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { startKeyAgent } from '../../builder/sources/ssh-keys.ts'
import { Cli } from '../../fixtures/cli.ts'
import { SourceServer } from '../../fixtures/source-server.ts'

const isThere = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
const SSHD = ['/usr/sbin/sshd', ...(process.env.PATH ?? '').split(':').map((folder) => `${folder}/sshd`)].find((path) => existsSync(path))

describe('git over ssh', function () {
  this.timeout(60_000)
  let cli: Cli
  let bin: string
  let repository: string
  let key: string
  let publicKey: string
  before(async function () {
    if (!['git', 'ssh-keygen', 'ssh-add', 'setpriv'].every(isThere)) return this.skip()
    cli = new Cli('git-ssh')
    bin = join(cli.folder, 'bin')
    mkdirSync(bin)
    await using server = await SourceServer.start(join(cli.folder, 'served'))
    server.repository('code', { Dockerfile: 'FROM scratch\nCOPY c /\n', c: 'c' })
    repository = join(server.folder, 'code.git')
    key = keyPair('key')
    publicKey = readFileSync(`${key}.pub`, 'utf8').trim()
  })
  after(() => cli?.[Symbol.asyncDispose]())

  function keyPair(name: string): string {
    const path = join(cli.folder, name)
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path])
    return path
  }
  const ssh = (...lines: string[]) => writeFileSync(join(bin, 'ssh'), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 })
  const add = (url: string) => ({ dockerfile: `FROM scratch\nADD ${url} /\n` })
  const env = () => ({ PATH: `${bin}:${process.env.PATH}` })
  const withKey = () => ({ args: ['--ssh', `default=${key}`, '--no-cache'], env: env() })

  describe('through a program that stands in for ssh', () => {
    const seen = (name: string) => readFileSync(join(bin, name), 'utf8')
    beforeEach(() => {
      for (const name of ['words', 'keys']) rmSync(join(bin, name), { force: true })
      // The last word is the command for the server: git-upload-pack and a path.
      ssh(`echo "$@" >>${bin}/words`, `ssh-add -L >${bin}/keys 2>&1`, 'for last; do :; done', 'exec sh -c "$last"')
    })
    for (const [form, url, words] of [
      ['user@host:path', 'git@code.invalid:PATH', /git@code\.invalid git-upload-pack /],
      ['ssh://', 'ssh://git@code.invalid:2222PATH', /-p 2222 git@code\.invalid git-upload-pack /],
    ] as const)
      it(`${form} signs with the keys of --ssh default, and with no others`, async () => {
        const { image } = await cli.build(add(url.replace('PATH', repository)), withKey())
        assert.ok(image.tree.has('c'))
        assert.match(seen('words'), words)
        assert.match(seen('words'), /-o IdentityFile=none/)
        assert.equal(seen('keys').trim(), publicKey)
      })
    for (const [what, args] of [
      ['without --ssh', []],
      ['with an agent of another name', ['--ssh', 'other=KEY']],
    ] as const)
      it(`ADD is refused at its line ${what}, before anything runs`, async () => {
        await using agent = await startKeyAgent([key], join(cli.folder, 'agent'), process.env.PATH)
        const options = { args: args.map((arg) => arg.replace('KEY', key)), env: { ...env(), SSH_AUTH_SOCK: agent.socket } }
        const { stderr } = await cli.fail(add(`git@code.invalid:${repository}`), options)
        assert.match(stderr, /Dockerfile:2\n[\s\S]*tsbuild: a repository over ssh needs an agent or a key/)
        assert.match(stderr, /hint: give it: --ssh default/)
        assert.ok(!existsSync(join(bin, 'words')))
      })
    it('a context signs with the agent that runs', async () => {
      await using agent = await startKeyAgent([key], join(cli.folder, 'agent'), process.env.PATH)
      const url = `git@code.invalid:${repository}`
      for (const command of [['build'], ['context', 'ls']]) {
        const { status, stderr } = await cli.run([...command, url], { env: { ...env(), SSH_AUTH_SOCK: agent.socket } })
        assert.equal(status, 0, stderr)
        assert.equal(seen('keys').trim(), publicKey)
      }
      const { stderr } = await cli.run(['build', url], { env: { ...env(), SSH_AUTH_SOCK: '' } })
      assert.match(stderr, /a repository over ssh needs an agent or a key/)
    })
  })

  // As root it wants a folder in /run, and an account that is not locked.
  const here = SSHD === undefined ? ' (skipped: there is no sshd)' : process.getuid?.() === 0 ? ' (skipped: sshd is started by users)' : ''
  describe(`from a server of OpenSSH${here}`, () => {
    let server: ReturnType<typeof spawn>
    let port: number
    before(async function () {
      if (here !== '' || SSHD === undefined) return this.skip()
      const hostKey = keyPair('host')
      port = await freePort()
      writeFileSync(join(cli.folder, 'allowed'), `${publicKey}\n`, { mode: 0o600 })
      writeFileSync(join(cli.folder, 'known'), `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`)
      const settings = {
        AuthorizedKeysFile: join(cli.folder, 'allowed'),
        ListenAddress: `127.0.0.1:${port}`,
        HostKey: hostKey,
        PidFile: 'none',
        StrictModes: 'no',
        UsePAM: 'no',
      }
      server = spawn(SSHD, [
        '-D',
        '-e',
        '-f',
        '/dev/null',
        ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
      ])
      await new Promise<void>((resolve, reject) => {
        server.stderr?.on('data', (text) => String(text).includes('listening') && resolve())
        server.on('exit', (status) => reject(new Error(`sshd: status ${status}`)))
      })
      const program = spawnSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).stdout.trim()
      ssh(`exec ${program} -o UserKnownHostsFile=${cli.folder}/known "$@"`)
    })
    after(() => server?.kill())
    const url = () => `ssh://${userInfo().username}@127.0.0.1:${port}${repository}`

    it('files come with a key that it knows', async () => assert.ok((await cli.build(add(url()), withKey())).image.tree.has('c')))
    it('nothing comes with a key that it does not know', async () => {
      const { stderr } = await cli.fail(add(url()), { args: ['--ssh', `default=${keyPair('stranger')}`, '--no-cache'], env: env() })
      assert.match(stderr, /hint: the server takes none of the keys of --ssh default/)
    })
    it('nothing comes from one whose own key is not known', async () => {
      rmSync(join(cli.folder, 'known'))
      assert.match((await cli.fail(add(url()), withKey())).stderr, /hint: put the key of the server into ~\/\.ssh\/known_hosts/)
    })
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
