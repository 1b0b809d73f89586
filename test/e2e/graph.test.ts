import assert from 'node:assert/strict'
import { type Workbench, withBench } from './workbench.ts'

/** A step as `--progress=rawjson` tells it last, and whether it had to be done. */
interface Seen {
  readonly name: string
  readonly started: string
  readonly completed?: string
  readonly cached?: boolean
  readonly error?: string
  isDone: boolean
}

const stages = (command: (name: string) => string) =>
  ['a', 'b', 'c', 'd'].map((name) => `FROM base AS ${name}\nRUN ${command(name)}\n`).join('')
const ALL = `FROM scratch\n${['a', 'b', 'c', 'd'].map((name) => `COPY --from=${name} /${name} /\n`).join('')}`

describe('the graph of a build', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
  })

  async function seen(dockerfile: string, args: readonly string[] = []): Promise<{ status: number | null; steps: Seen[]; stderr: string }> {
    const file = bench.write('Dockerfile', dockerfile)
    const { status, stderr } = await bench.run(['build', '--progress=rawjson', '-f', file, ...args, bench.context])
    const steps = new Map<string, Seen>()
    for (const line of stderr.split('\n').filter((text) => text.startsWith('{"'))) {
      const { vertexes = [], missed = [] } = JSON.parse(line) as { vertexes?: (Seen & { digest: string })[]; missed?: { vertex: string }[] }
      for (const vertex of vertexes) steps.set(vertex.digest, { ...vertex, isDone: steps.get(vertex.digest)?.isDone ?? false })
      for (const { vertex } of missed) Object.assign(steps.get(vertex) ?? {}, { isDone: true })
    }
    return { status, steps: [...steps.values()].filter(({ name }) => name.includes('RUN')), stderr }
  }

  const overlaps = (steps: readonly Seen[]) => {
    const lastStart =
      steps
        .map(({ started }) => started)
        .sort()
        .at(-1) ?? ''
    return steps.every(({ completed = '' }) => completed > lastStart)
  }

  it('does independent stages at the same time', async () => {
    const { status, steps, stderr } = await seen(stages((name) => `sleep 2; echo ${name} > /${name}`) + ALL)
    assert.equal(status, 0, stderr)
    assert.equal(steps.length, 4)
    assert.ok(overlaps(steps), stderr)
  })

  it('does one after the other with --jobs 1, and no step twice', async () => {
    const { status, steps, stderr } = await seen(stages((name) => `sleep 0.2; echo ${name} > /${name} # one`) + ALL, ['--jobs=1'])
    assert.equal(status, 0, stderr)
    const sorted = steps.sort((a, b) => (a.started < b.started ? -1 : 1))
    for (const [index, { started }] of sorted.slice(1).entries()) assert.ok((sorted[index]?.completed ?? '') <= started, stderr)
  })

  it('does what two branches stand on once, also where it is written twice', async () => {
    const middle = 'RUN sleep 0.3; echo made >> /middle\n'
    const { status, steps, stderr } = await seen(
      `FROM base AS m\n${middle}FROM m AS l\nRUN cp /middle /l\nFROM m AS r\nRUN cp /middle /r\nFROM base AS again\n${middle}FROM scratch\nCOPY --from=l /l /\nCOPY --from=r /r /\nCOPY --from=again /middle /\n`,
    )
    assert.equal(status, 0, stderr)
    const done = steps.filter(({ isDone }) => isDone)
    assert.deepEqual(done.map(({ name }) => name.includes('sleep')).filter(Boolean).length, 1, stderr)
  })

  it('does nothing that the target does not need', async () => {
    const { steps } = await seen(`FROM 127.0.0.1:1/none AS x\nRUN exit 3\nFROM base AS y\nRUN echo y > /y\nFROM y AS z\nRUN exit 4\n`, [
      '--target=y',
    ])
    assert.deepEqual(
      steps.map(({ name }) => name.slice(0, 4)),
      ['[2/2'],
    )
  })

  it('ends the others when one fails, and tells of that one', async () => {
    const dockerfile = stages((name) => (name === 'b' ? 'sleep 0.5; echo it was b; exit 9' : 'sleep 60')) + ALL
    const { status, steps, stderr } = await seen(dockerfile)
    assert.equal(status, 1)
    assert.deepEqual(
      steps.map(({ error = '' }) => /exit code: 9/.test(error) || error).sort(),
      ['canceled', 'canceled', 'canceled', true].sort(),
      stderr,
    )
    assert.match(stderr, /^ > it was b$/m)
    assert.match(stderr, /^tsbuild: process .* did not complete successfully: exit code: 9$/m)
  })
})
