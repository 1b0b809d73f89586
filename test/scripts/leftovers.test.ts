import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { packageRoot } from '../package-root.ts'

const script = path.join(packageRoot(), 'scripts/leftovers.sh')
const mark = `TSBUILD_LEFTOVERS_TEST=${process.pid}`

/** A process in a session of its own that ignores what a terminal sends. */
function sleeper(environment: Record<string, string>) {
  return spawn('sleep', ['300'], { env: { PATH: process.env.PATH, ...environment }, detached: true, stdio: 'ignore' })
}

const endLeftovers = () => execFileSync('bash', ['-uc', `source '${script}'; work=/nowhere end_leftovers ${mark}`], { encoding: 'utf8' })

describe('end_leftovers', () => {
  it('names and kills a process that was started with the mark', async () => {
    const [name = '', value = ''] = mark.split('=')
    const child = sleeper({ [name]: value })
    const ended = once(child, 'exit')
    assert.equal(endLeftovers(), `process ${child.pid}\tsleep 300 \n`)
    assert.deepEqual(await ended, [null, 'SIGKILL'])
  })

  it('leaves others alone, and one whose mark only begins the same', async () => {
    const [name = '', value = ''] = mark.split('=')
    const children = [sleeper({}), sleeper({ [name]: `${value}0` })]
    const ended = Promise.all(children.map((child) => once(child, 'exit')))
    assert.equal(endLeftovers(), '')
    for (const child of children) child.kill('SIGTERM')
    assert.deepEqual(await ended, [
      [null, 'SIGTERM'],
      [null, 'SIGTERM'],
    ])
  })
})
