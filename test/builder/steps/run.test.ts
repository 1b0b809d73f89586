import assert from 'node:assert/strict'
import type { RunOperation } from '../../../builder/plan/graph.ts'
import { runStep } from '../../../builder/steps/run.ts'
import type { TsbuildError } from '../../../registry/oci/error.ts'
import type { ActiveSnapshot, StepOutput } from '../../../snapshotter/snapshotter.ts'

const operation: RunOperation = {
  kind: 'run',
  id: 1,
  name: 'RUN make',
  at: { file: 'Dockerfile', startLine: 1, endLine: 1 },
  inputs: [0],
  platform: { os: 'linux', architecture: 'amd64' },
  argv: ['make'],
  env: [],
  args: new Set(),
  hiddenEnv: [],
  cwd: '/',
  user: '',
  network: 'none',
  insecure: false,
  hostname: 'h',
  shmSize: 1,
  limits: [],
  mounts: [],
  devices: [],
  script: undefined,
}

/** What runStep does with a command that prints `output` and fails. */
async function failing(output: (to: StepOutput) => void, settled: () => void | Promise<void> = () => {}): Promise<TsbuildError> {
  const active: Pick<ActiveSnapshot, 'run'> = {
    run: async (_step, to) => {
      output(to)
      return { exit: 1, signal: 0 }
    },
  }
  const context = {
    step: '1',
    user: { uid: 0, gid: 0, groups: [], home: '/root' },
    network: { resolvConf: '', extraHosts: [] },
    emulation: undefined,
    emit: () => {},
    settled,
    open: { mounts: [], env: [], masked: [], groups: [] },
    signal: new AbortController().signal,
  }
  return runStep(operation, active as ActiveSnapshot, context).then(
    () => assert.fail('it fails'),
    (error) => error,
  )
}
const outputOf = (error: TsbuildError) => (error.cause as { output: string[] }).output

describe('runStep', () => {
  it('repeats the last ten lines of what a failed command printed, however it came', async () => {
    const text = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join('')
    const last = Array.from({ length: 10 }, (_, line) => `line ${19_990 + line}`)
    for (const size of [1, 7, 100, 4096, 65_536, text.length]) {
      const error = await failing(({ stdout }) => {
        for (let at = 0; at < text.length; at += size) void stdout(Buffer.from(text.slice(at, at + size)))
      })
      assert.deepEqual(outputOf(error), last, `in pieces of ${size}`)
    }
  })
  it('keeps 16 KiB of a line without an end', async () => {
    const error = await failing(({ stderr }) => {
      for (let i = 0; i < 5000; i++) void stderr(Buffer.alloc(100, 'x'))
    })
    assert.deepEqual(outputOf(error), ['x'.repeat(16 << 10)])
  })
  it('holds the command back while its output is not shown', async () => {
    const room = Promise.resolve()
    let answer: unknown
    await failing(
      ({ stdout }) => {
        answer = stdout(Buffer.from('x'))
      },
      () => room,
    )
    assert.equal(answer, room)
  })
})
