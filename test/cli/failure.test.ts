import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Cli } from '../../fixtures/cli.ts'

describe('a failing tsbuild build', () => {
  const cli = new Cli('failure')
  after(() => cli[Symbol.asyncDispose]())

  it('shows the lines of a Dockerfile that came from standard input, not of a file called -', async () => {
    const folder = cli.context({ '-': 'FROM scratch\nRUN this is not it\n' })
    const { stderr, status } = await cli.run(['build', '-f', '-', '.'], { cwd: folder, input: 'FROM scratch\n\nCOPPY a /\n' })
    assert.equal(status, 1)
    assert.match(stderr, /^ {3}3 \| >>> COPPY a \//m)
    assert.doesNotMatch(stderr, /this is not it/)
  })
  it('shows the Dockerfile as it was when it was read', async () => {
    const folder = cli.context({})
    const env = { ...process.env, TSBUILD_ROOT: cli.store }
    const script = 'printf "FROM scratch\\nCOPY missing /\\n" | ./tsbuild build -f /dev/stdin "$0" 2>&1 || true' // to be read once only
    assert.match(execFileSync('sh', ['-c', script, folder], { env, encoding: 'utf8' }), /^ {3}2 \| >>> COPY missing \//m)
  })
  it('is one clear error when the Dockerfile cannot be read', async () => {
    const { stderr, status } = await cli.run(['build', '-f', '/proc/self/mem', cli.context({})])
    assert.deepEqual([status, stderr.split('\n').length], [1, 2])
    assert.match(stderr, /^tsbuild: cannot read \/proc\/self\/mem: EIO/)
  })
  it('shows the rule of a .dockerignore that is none', async () => {
    const folder = cli.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', '.dockerignore': 'a\n[\n' })
    const { stderr } = await cli.run(['build', folder])
    assert.match(stderr, /^ {3}2 \| >>> \[/m)
  })
  it('keeps the digests of the files that it has read', async () => {
    const folder = cli.context({ Dockerfile: 'FROM scratch\nCOPY f /\nRUN ["/none"]\n', f: 'f' })
    const files = join(cli.store, 'cache/files')
    await setTimeout(2100) // a file that has just changed may change again unseen, so its digest is not kept
    const before = existsSync(files) ? readdirSync(files).length : 0
    const { status } = await cli.run(['build', folder])
    assert.equal(status, 1)
    assert.equal(readdirSync(files).length, before + 1)
  })
})
