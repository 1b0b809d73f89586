import assert from 'node:assert/strict'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Credentials } from '../../../registry/remote/credentials.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('Credentials', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'tsbuild-home-'))
    mkdirSync(join(home, '.docker'))
    mkdirSync(join(home, '.config/containers'), { recursive: true })
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  const config = () => join(home, '.docker/config.json')
  const write = (value: unknown, path = config()) => writeFileSync(path, JSON.stringify(value))
  const credentials = (env: Record<string, string> = {}) => new Credentials({ env: { HOME: home, ...env }, helperTimeoutMs: 1000 })
  const password = (username: string, text: string) => ({ kind: 'password', username, password: text })

  describe('find', () => {
    for (const [what, auths, registry, repository, want] of [
      ['a host', { 'a.com': { auth: base64('u:p:q') } }, 'a.com', '', password('u', 'p:q')],
      ['a host with port only as such', { 'a.com': { auth: base64('u:p') } }, 'a.com:5000', '', undefined],
      ['no part of a host', { 'a.com.evil.com': { auth: base64('u:p') }, 'xa.com': { auth: base64('u:p') } }, 'a.com', '', undefined],
      ['an old URL as key', { 'https://a.com/v2/': { auth: base64('u:p') } }, 'a.com', '', password('u', 'p')],
      [
        'Docker Hub by its old key',
        { 'https://index.docker.io/v1/': { auth: base64('u:p') } },
        'docker.io',
        'library/x',
        password('u', 'p'),
      ],
      ['Docker Hub by its name', { 'docker.io': { auth: base64('u:p') } }, 'docker.io', 'library/x', password('u', 'p')],
      ['user name and password in the open', { 'a.com': { username: 'u', password: 'p' } }, 'a.com', '', password('u', 'p')],
      [
        'the most specific namespace',
        { 'a.com': { auth: base64('u:1') }, 'a.com/n': { auth: base64('u:2') }, 'a.com/n/r': { auth: base64('u:3') } },
        'a.com',
        'n/r',
        password('u', '3'),
      ],
      [
        'a namespace above',
        { 'a.com': { auth: base64('u:1') }, 'a.com/n': { auth: base64('u:2') } },
        'a.com',
        'n/other/x',
        password('u', '2'),
      ],
      ['no namespace beside', { 'a.com/n': { auth: base64('u:2') } }, 'a.com', 'nn', undefined],
      [
        'an identity token',
        { 'a.com': { auth: base64('u:'), identitytoken: 't' } },
        'a.com',
        '',
        { kind: 'identity-token', username: 'u', token: 't' },
      ],
      ['a registry token', { 'a.com': { registrytoken: 't' } }, 'a.com', '', { kind: 'registry-token', token: 't' }],
      ['nothing in an empty entry', { 'a.com': {} }, 'a.com', '', undefined],
      ['nothing under the name of a prototype', {}, 'constructor', '', undefined],
    ] as [string, object, string, string, unknown][]) {
      it(`finds ${what}`, async () => {
        write({ auths })
        assert.deepEqual(await credentials().find(registry, repository), want)
      })
    }

    it("asks docker's file, then REGISTRY_AUTH_FILE, then those of containers", async () => {
      const file = (name: string) => join(home, name)
      mkdirSync(file('run/containers'), { recursive: true })
      write({ auths: { a: { auth: base64('u:docker') } } })
      write({ auths: { a: { auth: base64('u:env') }, b: { auth: base64('u:env') } } }, file('auth'))
      write({ auths: { b: { auth: base64('u:run') }, c: { auth: base64('u:run') } } }, file('run/containers/auth.json'))
      write({ auths: { c: { auth: base64('u:config') }, d: { auth: base64('u:config') } } }, file('.config/containers/auth.json'))
      const all = credentials({ REGISTRY_AUTH_FILE: file('auth'), XDG_RUNTIME_DIR: file('run') })
      const found = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((registry) => all.find(registry)))
      assert.deepEqual(found, [password('u', 'docker'), password('u', 'env'), password('u', 'run'), password('u', 'config'), undefined])
      assert.equal(await credentials({ DOCKER_CONFIG: file('nowhere') }).find('a'), undefined)
    })

    for (const [what, text] of [
      ['is not JSON', '{"auths":{"a":{"auth":"c2VjcmV0"'],
      ['is of another form', '{"auths":"c2VjcmV0"}'],
      ['has an entry of another form', '{"auths":{"a":{"auth":["c2VjcmV0"]}}}'],
      ['has an entry without a colon', '{"auths":{"a":{"auth":"c2VjcmV0"}}}'],
    ] as [string, string][]) {
      it(`does not quote a file that ${what}`, async () => {
        writeFileSync(config(), text)
        await assert.rejects(credentials().find('a'), (error: Error & { code: string; hint: string }) => {
          assert.equal(error.code, 'CREDENTIALS_INVALID')
          assert.doesNotMatch(`${error.message} ${error.hint} ${String(error.cause)}`, /c2VjcmV0|secret/)
          return error.message.startsWith(`${config()}: `)
        })
      })
    }
  })

  describe('with a helper', () => {
    const helper = (script: string, name = 'test') => {
      mkdirSync(join(home, 'bin'), { recursive: true })
      const path = join(home, `bin/docker-credential-${name}`)
      writeFileSync(path, `#!/bin/sh\n${script}\n`)
      chmodSync(path, 0o755)
    }
    const withHelper = () => credentials({ PATH: `relative:${home}/bin:/usr/bin:/bin`, SECRET_OF_ANOTHER: 'x' })

    it('asks it on its standard input, with little of the environment', async () => {
      helper(`echo "$1 $(cat) [$SECRET_OF_ANOTHER] $PWD" > ${home}/asked; echo '{"ServerURL":"a","Username":"u","Secret":"p"}'`)
      write({ credHelpers: { 'a.com': 'test' } })
      assert.deepEqual(await withHelper().find('a.com'), password('u', 'p'))
      assert.equal(readFileSync(join(home, 'asked'), 'utf8'), 'get a.com [] /\n')
      assert.equal(await withHelper().find('b.com'), undefined)
    })

    it('takes <token> as an identity token, and the Docker Hub key', async () => {
      helper(`test "$(cat)" = https://index.docker.io/v1/ && echo '{"Username":"<token>","Secret":"t"}'`)
      write({ credsStore: 'test' })
      assert.deepEqual(await withHelper().find('docker.io'), { kind: 'identity-token', username: undefined, token: 't' })
    })

    it('is anonymous where it has nothing, and falls back to the file', async () => {
      helper('echo credentials not found in native keychain; exit 1')
      write({ credsStore: 'test', auths: { 'b.com': { auth: base64('u:p') } } })
      assert.equal(await withHelper().find('a.com'), undefined)
      assert.deepEqual(await withHelper().find('b.com'), password('u', 'p'))
    })

    for (const [what, script, message] of [
      ['is not there', undefined, 'there is no such program in PATH'],
      ['fails', 'echo secret; exit 3', '`get` ended with 3'],
      ['answers nonsense', 'echo secret', '`get` did not answer with Username and Secret'],
      ['hangs', 'exec sleep 100', 'it did not end within 1000 ms'],
      ['answers without end', 'exec cat /dev/zero', 'it answered too much'],
    ] as [string, string | undefined, string][]) {
      it(`says which one ${what}`, async () => {
        if (script !== undefined) helper(script)
        write({ credsStore: 'test' })
        await assert.rejects(withHelper().find('a.com'), {
          code: 'CREDENTIAL_HELPER',
          message: `credential helper docker-credential-test: ${message}`,
        })
      })
    }

    for (const name of ['../../evil', 'a b', 'a;b', '$(x)', 'a/b']) {
      it(`does not run ${name}`, async () => {
        write({ credsStore: name })
        await assert.rejects(withHelper().find('a.com'), { code: 'CREDENTIAL_HELPER', message: /not a name of a credential helper/ })
      })
    }

    it('stores and erases in it', async () => {
      helper(`echo "$1 $(cat)" >> ${home}/asked`)
      write({ credsStore: 'test' })
      assert.equal(await withHelper().save('a.com', 'u', 'p'), 'docker-credential-test')
      assert.deepEqual(await withHelper().remove('a.com'), ['docker-credential-test'])
      assert.equal(readFileSync(join(home, 'asked'), 'utf8'), 'store {"ServerURL":"a.com","Username":"u","Secret":"p"}\nerase a.com\n')
      assert.deepEqual(JSON.parse(readFileSync(config(), 'utf8')), { credsStore: 'test' })
    })
  })

  describe('save and remove', () => {
    it('make the file, for its owner alone', async () => {
      rmSync(join(home, '.docker'), { recursive: true })
      assert.equal(await credentials().save('a.com:5000', 'u', 'p'), config())
      assert.equal(statSync(config()).mode & 0o777, 0o600)
      assert.equal(statSync(join(home, '.docker')).mode & 0o777, 0o700)
      assert.deepEqual(await credentials().find('a.com:5000'), password('u', 'p'))
      assert.deepEqual(readdirSync(join(home, '.docker')), ['config.json'])
    })

    it('keep what they do not know, and write through a symbolic link', async () => {
      const real = join(home, 'real.json')
      const other = { auths: { 'b.com': { auth: base64('x:y'), email: 'e' } }, HttpHeaders: { A: 'b' }, proxies: { default: {} } }
      write({ ...other, auths: { ...other.auths, 'https://index.docker.io/v1/': { auth: base64('old:old') } } }, real)
      symlinkSync(real, config())
      await credentials().save('docker.io', 'u', 'p')
      assert.ok(lstatSync(config()).isSymbolicLink())
      const auths = { ...other.auths, 'https://index.docker.io/v1/': { auth: base64('u:p') } }
      assert.deepEqual(JSON.parse(readFileSync(real, 'utf8')), { ...other, auths })
      assert.equal(statSync(real).mode & 0o777, 0o600)
      assert.deepEqual(await credentials().remove('docker.io'), [config()])
      assert.deepEqual(JSON.parse(readFileSync(real, 'utf8')), other)
      assert.deepEqual(await credentials().remove('docker.io'), [])
    })

    it('say which file they cannot write', async () => {
      rmSync(join(home, '.docker'), { recursive: true })
      writeFileSync(join(home, '.docker'), '')
      await assert.rejects(credentials().save('a.com', 'u', 'p'), { code: 'CREDENTIALS_WRITE' })
    })
  })
})
