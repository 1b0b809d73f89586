import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { faultyRegistry } from '../../fixtures/faulty-registry.ts'
import { noSandbox } from '../../fixtures/sandbox.ts'
import { endHard, provesSound } from './kill-support.ts'
import { type StepServer, stepServer } from './step-server.ts'
import { type Ended, Workbench } from './workbench.ts'

const WAITING = /waiting for the same step, which is being done already/

describe('two tsbuild processes with one store', function () {
  this.timeout(120_000)
  let bench: Workbench
  let server: StepServer
  beforeEach(async function () {
    const missing = noSandbox()
    if (missing !== undefined) return void this.skip()
    server = await stepServer()
    bench = await Workbench.create()
    await bench.addBase()
  })
  afterEach(async () => {
    await bench?.[Symbol.asyncDispose]()
    await server?.[Symbol.asyncDispose]()
  })

  const start = (dockerfile: string, name: string) => {
    const file = bench.write(`${name}/Dockerfile`, dockerfile)
    return bench.start(['build', '--progress=plain', '-f', file, '-t', name, bench.context])
  }
  const succeeded = ({ status, stderr }: Ended) => assert.equal(status, 0, stderr)
  const count = (pattern: RegExp, all: readonly Ended[]) => all.map(({ stderr }) => stderr.match(pattern)?.length ?? 0)

  it('build the same at once: both succeed with one digest, and no step is done twice', async () => {
    bench.write('context/file', 'content')
    const lines = ['FROM base', server.step('one'), 'COPY file /', server.step('two'), 'WORKDIR /new', server.step('three')]
    const running = ['first', 'second', 'third'].map((name) => start(lines.join('\n'), name))
    const ended = await Promise.all(running.map((each) => each.ended))
    for (const each of ended) succeeded(each)
    assert.equal(new Set(ended.map(({ stdout }) => stdout)).size, 1)
    assert.deepEqual(server.calls, ['one', 'two', 'three'])
    const [done = 0, cached = 0] = [/^#\d+ DONE /gm, /^#\d+ CACHED$/gm].map((pattern) => count(pattern, ended).reduce((a, b) => a + b))
    assert.deepEqual({ done, cached }, { done: 5, cached: 10 })
    await provesSound(bench)
  })

  it('share the steps that two different Dockerfiles have in common', async () => {
    const common = ['FROM base', server.step('common')]
    const running = ['left', 'right'].map((name) => start([...common, server.step(name)].join('\n'), name))
    for (const each of running) succeeded(await each.ended)
    assert.deepEqual([...server.calls].sort(), ['common', 'left', 'right'])
    await provesSound(bench)
  })

  it('wait for one another: who waits says so, and finds the step done', async () => {
    server.hold('slow')
    const first = start(`FROM base\n${server.step('slow')}`, 'first')
    await server.called('slow')
    const second = start(`FROM base\n${server.step('slow')}`, 'second')
    await second.said(WAITING)
    server.release('slow')
    for (const each of [first, second]) succeeded(await each.ended)
    assert.deepEqual(server.calls, ['slow'])
    assert.deepEqual(count(/ CACHED$/gm, [await first.ended, await second.ended]), [0, 1])
  })

  it('take over: when one is killed in a step, the one that waited does it', async () => {
    server.hold('slow')
    const first = start(`FROM base\n${server.step('slow')}`, 'first')
    await server.called('slow')
    const second = start(`FROM base\n${server.step('slow')}`, 'second')
    await second.said(WAITING)
    first.kill('SIGKILL')
    await server.called('slow', 2)
    server.release('slow')
    succeeded(await second.ended)
    assert.equal((await first.ended).signal, 'SIGKILL')
    await provesSound(bench)
  })

  it('do a step again that failed in the one they waited for', async () => {
    server.hold('bad')
    const dockerfile = `FROM base\n${server.step('bad')} && exit 3`
    const first = start(dockerfile, 'first')
    await server.called('bad')
    const second = start(dockerfile, 'second')
    await second.said(WAITING)
    server.release('bad')
    for (const each of [first, second]) assert.equal((await each.ended).status, 1)
    assert.deepEqual(server.calls, ['bad', 'bad'])
  })

  it('can be interrupted while they wait', async () => {
    server.hold('slow')
    const first = start(`FROM base\n${server.step('slow')}`, 'first')
    await server.called('slow')
    const second = start(`FROM base\n${server.step('slow')}`, 'second')
    await second.said(WAITING)
    second.kill('SIGINT')
    assert.equal((await second.ended).status, 130)
    server.release('slow')
    succeeded(await first.ended)
  })

  it('begin a store together', async () => {
    const env = { TSBUILD_ROOT: `${bench.folder}/fresh/store` }
    const ended = await Promise.all(Array.from({ length: 6 }, () => bench.run(['images'], { env })))
    for (const each of ended) succeeded(each)
    assert.equal(await bench.expect(['store', 'check'], { env }), 'sound')
  })

  it('fetch an image once when both pull it', async () => {
    const shelf = await Workbench.create()
    const served = shelf.start(['registry', 'serve', '--listen', '127.0.0.1:0', '-q'])
    const upstream = new URL(`http://${await served.printed(/127\.0\.0\.1:\d+/)}`)
    await using recorder = await faultyRegistry(() => undefined, { upstream })
    await bench.expect(['push', 'base', `${upstream.host}/base:1`])
    const env = { TSBUILD_ROOT: `${bench.folder}/other` }
    const ended = await Promise.all([1, 2, 3].map(() => bench.run(['pull', `${recorder.host}/base:1`], { env })))
    await shelf[Symbol.asyncDispose]()
    for (const each of ended) succeeded(each)
    const fetched = recorder.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')).map(({ path }) => path)
    assert.deepEqual(fetched, [...new Set(fetched)])
    assert.equal(await bench.expect(['store', 'check'], { env }), 'sound')
  })

  it('keep garbage collection out while one builds', async () => {
    server.hold('slow')
    const building = start(`FROM base\n${server.step('early')}\n${server.step('slow')}`, 'app')
    await server.called('slow')
    const pruning = bench.start(['prune', '--all'])
    await pruning.said(/waiting for .*tsbuild/)
    await sleep(200)
    assert.equal(pruning.child.exitCode, null)
    server.release('slow')
    succeeded(await building.ended)
    succeeded(await pruning.ended)
    await provesSound(bench)
    assert.equal(await bench.expect(['images', '-q']), '')
  })

  it('let garbage collection in when the builder is killed', async () => {
    server.hold('slow')
    const building = start(`FROM base\n${server.step('slow')}`, 'app')
    await server.called('slow')
    const pruning = bench.start(['prune'])
    await pruning.said(/waiting for .*tsbuild/)
    await endHard(bench, building, 'SIGKILL')
    succeeded(await pruning.ended)
    await provesSound(bench)
  })
})
