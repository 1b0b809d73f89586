import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { packageRoot } from '../package-root.ts'
import { TSBUILD, Workbench } from './workbench.ts'

const README = readFileSync(join(packageRoot(), 'README.md'), 'utf8')

describe('the quick start of the README', () => {
  it('runs as it stands, but for the port', async function () {
    this.timeout(120_000)
    await using bench = await Workbench.create()
    symlinkSync(TSBUILD, join(bench.folder, 'tsbuild'))
    const commands = quickStart().replaceAll('127.0.0.1:5000', `127.0.0.1:${await freePort()}`)
    const script = `set -eu\nexec 2>&1\ntrap 'kill $(jobs -p)' EXIT\n${commands}`
    const env = { PATH: process.env.PATH, HOME: join(bench.folder, 'home'), TSBUILD_ROOT: bench.store }
    const { status, stdout } = spawnSync('bash', ['-c', script], { cwd: bench.folder, env, encoding: 'utf8', timeout: 100_000 })
    assert.equal(status, 0, stdout)
    assert.match(stdout, /^hello from tsbuild$/m)
    const digests = [...stdout.matchAll(/^(sha256:[0-9a-f]{64})$/gm)].map(([, digest]) => digest)
    assert.equal(new Set(digests).size, 1, stdout) // build, push, pull and the second build give one digest
  })
})

/** The first block of commands below the title. */
function quickStart(): string {
  const [, block] = /## Quick start\n+```\n(.*?)```/s.exec(README) ?? []
  assert.ok(block)
  return block
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
