import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endHard, provesSound } from './kill-support.ts'
import { familyOf, leftovers, remains } from './leftovers.ts'
import { type StepServer, stepServer } from './step-server.ts'
import { output, type Workbench, withBench } from './workbench.ts'

const FILES = 2000
const PARTS = [0.5, 0.7, 0.8, 0.9, 0.95]
const FILL = `FROM base
COPY files /files
RUN --mount=type=cache,id=copies,target=/c cp -r /files /c/new && rm -rf /c/all && mv /c/new /c/all
`
/** Tells how many files the snapshot below it has, and the cache mount; each time anew. */
const COUNT = `FROM base
COPY files /files
ARG TIME
RUN --mount=type=cache,id=copies,target=/c echo "$TIME: $(ls /files | wc -l) $(ls /c/all 2>/dev/null | wc -l)"
`

describe('a prune that is killed', function () {
  this.timeout(180_000)
  let bench: Workbench
  let lengthMs = 0
  withBench(async (opened) => {
    bench = opened
    for (let i = 0; i < FILES; i++) bench.write(`context/files/${i}`, String(i))
    await builds(FILL, 'first')
    const from = performance.now()
    await bench.expect(['prune', '--keep-storage=0'])
    lengthMs = performance.now() - from
  })

  async function builds(dockerfile: string, time: number | string) {
    const ended = await bench.build(dockerfile, ['--build-arg', `TIME=${time}`])
    assert.equal(ended.status, 0, ended.stderr)
    return output(ended).at(-1)
  }

  for (const part of PARTS)
    it(`leaves a sound store at ${part * 100} % of its time, and snapshots and cache mounts that are whole or gone`, async () => {
      await builds(FILL, part)
      assert.equal(await builds(COUNT, `before ${part}`), `before ${part}: ${FILES} ${FILES}`)
      const pruning = bench.start(['prune', '--keep-storage=0'])
      await sleep(part * lengthMs)
      await endHard(bench, pruning, 'SIGKILL')
      await provesSound(bench)
      const mounts = readdirSync(join(bench.store, 'mounts')).length
      assert.equal(await builds(COUNT, part), `${part}: ${FILES} ${mounts === 0 ? 0 : FILES}`)
      await bench.expect(['prune', '--keep-storage=0'])
      assert.deepEqual(readdirSync(join(bench.store, 'steps')), [])
      assert.deepEqual(remains(bench), [])
      await provesSound(bench)
    })
})

describe('pruning while another process builds', function () {
  this.timeout(120_000)
  let bench: Workbench
  let server: StepServer
  withBench(async (opened) => {
    bench = opened
    server = await stepServer()
  })
  after(() => server?.[Symbol.asyncDispose]())

  it('is put off by itself, and the next build sees to it', async () => {
    const env = { TSBUILD_GC_MAX_USED_SPACE: '1m', TSBUILD_GC_RESERVED_SPACE: '0', TSBUILD_GC_MIN_FREE_SPACE: '0' }
    const builds = async (last: string) => {
      const dockerfile = bench.write('other/Dockerfile', `FROM base\nCOPY big /\nRUN echo ${last} > /last\n`)
      const ended = await bench.run(['build', '--progress=plain', '-f', dockerfile, bench.context], { env })
      assert.equal(ended.status, 0, ended.stderr)
      return /^removed .* to keep the cache within 1\.05MB$/m.test(ended.stderr)
    }
    bench.write('context/big', randomBytes(3 << 20))
    server.hold('busy')
    const building = bench.start([...bench.buildOf(`FROM base\n${server.step('busy')}`), bench.context])
    await server.called('busy')
    assert.equal(await builds('one'), false)
    server.release('busy')
    assert.equal((await building.ended).status, 0)
    assert.equal(await builds('two'), true)
    await provesSound(bench)
  })

  const records = () =>
    readdirSync(join(bench.store, 'cache/steps'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length

  it('waits for it by hand, and is put off by itself; nothing that the build needs goes', async () => {
    bench.write('context/file', 'content')
    server.hold('slow')
    const dockerfile = ['FROM base', 'COPY file /', server.step('early'), server.step('slow'), 'RUN cat /file'].join('\n')
    const building = bench.start([...bench.buildOf(dockerfile), '-t', 'app', bench.context])
    await server.called('slow')
    const before = records()
    const env = { TSBUILD_GC_MAX_USED_SPACE: '1', TSBUILD_GC_RESERVED_SPACE: '0' }
    const file = bench.write('other/Dockerfile', 'FROM base\nRUN echo other > /other\n')
    const other = await bench.run(['build', '--progress=plain', '-f', file, bench.context], { env })
    assert.equal(other.status, 0, other.stderr)
    assert.doesNotMatch(other.stderr, /^removed /m)
    assert.ok(records() > before)
    const pruning = bench.start(['prune', '--keep-storage=0'])
    await pruning.said(/waiting for .*tsbuild/)
    server.release('slow')
    const ended = await building.ended
    assert.equal(ended.status, 0, ended.stderr)
    assert.equal((await pruning.ended).status, 0)
    assert.equal(await bench.expect(['run', 'app', 'cat', '/file']), 'content')
    assert.deepEqual(
      server.calls.filter((name) => name !== 'busy'),
      ['early', 'slow'],
    )
    assert.deepEqual(await leftovers(bench, familyOf(building.pid)), [])
    await provesSound(bench)
  })
})
