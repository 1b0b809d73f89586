import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cli } from '../../fixtures/cli.ts'
import { packageRoot } from '../package-root.ts'

const MANUAL = readFileSync(join(packageRoot(), 'docs/cli.md'), 'utf8')
const CONNECTION = ['insecure', 'tls-verify', 'cert-file']

describe('tsbuild', () => {
  const cli = new Cli('commands')
  after(() => cli[Symbol.asyncDispose]())

  for (const [name, operands, flags] of [
    [
      'build',
      '<context>',
      [
        'tag',
        'file',
        'build-arg',
        'build-context',
        'target',
        'label',
        'no-cache',
        'no-cache-filter',
        'cache-from',
        'cache-to',
        'secret',
        'ssh',
        'allow',
        'pull',
        'platform',
        'network',
        'add-host',
        'shm-size',
        'ulimit',
        'jobs',
        'output',
        'push',
        'iidfile',
        'metadata-file',
        'report',
        'check',
        'call',
        'progress',
        'explain',
        'quiet',
        ...CONNECTION,
      ],
    ],
    ['push', '<image> [destination]', [...CONNECTION, 'progress', 'quiet']],
    ['pull', '<source>', [...CONNECTION, 'platform', 'all-platforms', 'name', 'progress', 'quiet']],
    ['run', '<image> [command...]', [...CONNECTION, 'env', 'user', 'workdir', 'entrypoint', 'platform', 'network']],
    ['images', '[text]', ['quiet', 'format']],
    ['inspect', '<image>', ['platform', 'raw', 'config']],
    ['why', '<image> [step]', ['platform', 'format']],
    ['tag', '<image> <name>', []],
    ['rmi', '<image...>', ['force']],
    ['du', '', ['filter', 'verbose', 'format']],
    ['prune', '', ['all', 'filter', 'keep-storage', 'reserved-space', 'max-used-space', 'min-free-space', 'dry-run', 'verbose']],
    ['login', '[registry]', ['username', 'password-stdin', ...CONNECTION]],
    ['logout', '[registry]', []],
    ['store check', '', ['repair']],
    ['registry serve', '', ['listen', 'read-only', 'quiet']],
    [
      'context ls',
      '[context]',
      ['file', 'dockerfile', 'build-arg', 'build-context', 'target', 'platform', 'format', 'insecure', 'tls-verify', 'cert-file'],
    ],
    ['doctor', '', ['format']],
    ['version', '', []],
  ] as const)
    it(`${name} --help shows its usage and these flags`, async () => {
      const help = await cli.ok([...name.split(' '), '--help'])
      const [usage] = help.split('\n')
      assert.equal(usage, `Usage: tsbuild ${name} [options]${operands === '' ? '' : ` ${operands}`}`)
      const shown = [...help.matchAll(/^ {2}(?:-\w, )?--([\w-]+)/gm)].map(([, flag]) => flag)
      assert.deepEqual(shown, [...flags, 'help'])
      for (const flag of flags) assert.match(MANUAL, new RegExp(`--${flag}\\b`), `docs/cli.md says nothing of --${flag}`)
      assert.ok(MANUAL.includes(`| \`${name}`), `docs/cli.md says nothing of ${name}`)
    })

  for (const [args, status, said] of [
    [[], 0, /^Usage: tsbuild COMMAND/],
    [['--help'], 0, /^Usage: tsbuild COMMAND/],
    [['--version'], 0, /^tsbuild \d/],
    [['biuld'], 2, /unknown command "biuld"[\s\S]*did you mean build\?/],
    [['store'], 2, /unknown command "store"/],
    [['build'], 2, /missing required argument 'context'/],
    [['build', '--tga', 'x', '.'], 2, /unknown option '--tga'[\s\S]*--tag/],
    [['build', '--memory', '1g', '.'], 2, /--memory is not supported yet/],
    [['build', '--allow', 'security.insecur', '.'], 2, /--allow security.insecur is not known[\s\S]*did you mean security.insecure/],
    [['build', '--ulimit', 'nofile=9:1', '.'], 2, /--ulimit "nofile=9:1" is no limit/],
    [['build', '--shm-size', 'big', '.'], 2, /--shm-size=big is no size/],
    [['build', '--add-host', 'a:b', '.'], 2, /--add-host "a:b" is no name with an address/],
    [['build', '--no-cache=mounts', '.'], 2, /--no-cache=mounts is not known/],
    [['build', '--no-cache', '--no-cache-filter', 'a', '.'], 2, /--no-cache and --no-cache-filter cannot be used together/],
    [['build', '--platform', 'linux/amd64,', '.'], 2, /not a platform: ""/],
    [['build', '--tls-verify=maybe', '.'], 2, /--tls-verify=maybe/],
    [['build', '--jobs', '0', '.'], 2, /--jobs=0/],
    [['build', '--progress=loud', '.'], 2, /--progress=loud/],
    [['build', '--pull=often', '.'], 2, /--pull=often/],
    [['build', '--network=bridge', '.'], 2, /--network=bridge/],
    [['build', '--provenance', '.'], 2, /attestations are not supported yet/],
    [['build', 'nowhere'], 1, /no build context at/],
    [['build', '-'], 1, /the Dockerfile cannot be empty/],
    [['inspect', '--config', 'x'], 2, /--config needs --raw/],
    [['inspect', 'x'], 1, /x/],
    [['tag', 'x'], 2, /missing required argument 'name'/],
    [['tag', 'x', 'y'], 1, /x/],
    [['tag', 'x', 'UPPER'], 1, /x/],
    [['pull', 'UPPER'], 2, /not an image reference: "UPPER"/],
    [['help'], 0, /^Usage: tsbuild COMMAND/],
    [['help', 'store', 'check'], 0, /^Usage: tsbuild store check/],
    [['help', 'biuld'], 2, /did you mean build\?/],
    [['rmi', 'x'], 1, /x/],
    [['rmi', '--force', 'x'], 0, /^$/],
    [['push', 'x'], 1, /no local image x/],
    [['login'], 2, /--password-stdin/],
    [['login', '-u', 'me', '-p', 'x'], 2, /--password is not supported yet/],
    [['registry', 'serve', '--listen', 'x'], 2, /--listen=x is no host:port/],
    [['store', 'check'], 0, /^sound$/m],
    [['images', '-q'], 0, /^$/],
    [['prune', '-f'], 0, /--force changes nothing: nothing is asked|removed/],
    [['run', '--rm=maybe', 'x'], 2, /--rm takes true or false/],
    [['run', '--network=bridge', 'x'], 2, /--network=bridge/],
    [['run', '-v/a:/b', 'x'], 2, /--volume is not supported yet/],
    [['run', '--privileged', 'x'], 2, /--privileged is not supported yet/],
    [['run', '-it', '127.0.0.1:1/none'], 125, /--tty changes nothing/],
    [['run', '--rm', '-i', '127.0.0.1:1/none'], 125, /--interactive changes nothing[\s\S]*--rm changes nothing/],
  ] as const)
    it(`${args.join(' ') || '(nothing)'} ends with status ${status}`, async () => {
      const ended = await cli.run(args, { env: { NO_PROXY: '*' } })
      const text = ended.stdout + ended.stderr
      assert.equal(ended.status, status, text)
      assert.match(text, said)
      if (status !== 0) assert.equal(ended.stdout, '')
      if (status === 2) assert.match(ended.stderr, /^hint: /m)
    })
})
