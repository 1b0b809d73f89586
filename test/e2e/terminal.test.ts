import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Cli } from '../../fixtures/cli.ts'

const PROGRAM = fileURLToPath(new URL('../../../tsbuild', import.meta.url))

describe('tsbuild run at a terminal', function () {
  this.timeout(60_000)
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('terminal')
  })
  after(() => cli[Symbol.asyncDispose]())

  /** Output and status of a command on a terminal whose other side types nothing, and does not hang up either. */
  async function onTerminal(words: string): Promise<{ output: string; status: number | null }> {
    const child = spawn('script', ['-qec', `${PROGRAM} ${words}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TSBUILD_ROOT: cli.store },
    })
    const output: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    try {
      const status = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject).on('close', resolve)
        setTimeout(() => reject(new Error(`still there, after ${Buffer.concat(output).toString()}`)), 30_000).unref()
      })
      return { output: Buffer.concat(output).toString(), status }
    } finally {
      child.kill('SIGKILL')
    }
  }

  it('ends when its command ends', async () => {
    assert.deepEqual(await onTerminal("run busybox sh -c 'echo hi; exit 7'"), { output: 'hi\r\n', status: 7 })
  })
})
