import assert from 'node:assert/strict'
import { childrenOf, eventually, processesWith, type SeenProcess } from '../../fixtures/processes.ts'
import { HELPER } from '../../fixtures/sandbox.ts'
import { dockerfileOf, endHard, type KillTrial, notHere, openTrial, provesSound, renew } from './kill-support.ts'
import { familyOf, leftovers, remains } from './leftovers.ts'
import { type Running, Workbench } from './workbench.ts'

/** Where in the course of each command it is killed; 200 random moments are in kill.long.test.ts. */
const SAMPLE = { build: [0.2, 0.45, 0.65, 0.85], parallel: [0.4, 0.7, 0.9], pull: [0.5, 0.85], push: [0.5, 0.85] } as const

for (const kind of ['build', 'parallel', 'pull', 'push'] as const) {
  describe(`tsbuild ${kind} that is killed`, function () {
    this.timeout(180_000)
    let trial: KillTrial
    before(async function () {
      const missing = notHere()
      if (missing !== undefined) return void this.skip()
      trial = await openTrial(kind)
    })
    after(() => trial?.[Symbol.asyncDispose]())

    for (const part of SAMPLE[kind]) {
      it(`leaves nothing behind at ${part * 100} % of its time, and the next run goes through`, async () => {
        await trial.endAt(part * trial.lengthMs, 'SIGKILL')
        assert.deepEqual(remains(trial.bench), [])
      })
    }
    it('ends in order by SIGTERM half way, and the next run goes through', async () => {
      await trial.endAt(0.5 * trial.lengthMs, 'SIGTERM')
    })
  })
}

describe('a build whose step runs a setuid program and a daemon', function () {
  this.timeout(120_000)
  let bench: Workbench
  before(async function () {
    const missing = notHere()
    if (missing !== undefined) return void this.skip()
    bench = await Workbench.create()
    await bench.addBase()
    renew(bench)
  })
  after(() => bench?.[Symbol.asyncDispose]())

  /** A build that stays in its last step, a setuid program, until somebody ends it. */
  async function standing(): Promise<Running> {
    const forever = `RUN /bin/su root -c "setsid sh -c 'while sleep 1; do :; done' ${bench.folder} & sh -c 'id -u; echo reached; sleep 1000' ${bench.folder}"`
    const running = bench.start([...bench.buildOf(dockerfileOf(bench, `USER nobody\n${forever}`)), '-t', 'never', bench.context])
    await running.said(/ reached$/m)
    return running
  }

  async function provesNothingIsLeft(family: ReturnType<typeof familyOf>): Promise<void> {
    assert.ok(family.length >= 6, 'tsbuild, launcher, helper, request, step and its programs were seen alive')
    assert.deepEqual(await leftovers(bench, family), [])
    await provesSound(bench)
    assert.equal((await bench.run(['inspect', 'never'])).status, 1)
  }

  it('is gone with it when tsbuild is killed', async () => {
    const running = await standing()
    const family = familyOf(running.pid)
    assert.equal(await endHard(bench, running, 'SIGKILL'), true)
    await provesNothingIsLeft(family)
  })

  /** From the outside in: tsbuild, the launcher, the helper, the request's child. */
  function ancestry(pid: number): SeenProcess[] {
    const [helperPart] = childrenOf(pid).filter(({ command }) => command.includes(HELPER))
    return helperPart === undefined ? [] : [helperPart, ...ancestry(helperPart.pid)]
  }

  for (const [index, name] of ['the launcher', 'the helper', 'the process of the request'].entries()) {
    it(`is gone when ${name} alone is killed, and tsbuild says so in one line`, async () => {
      const running = await standing()
      const family = familyOf(running.pid)
      const victim = ancestry(running.pid)[index]
      assert.ok(victim, `${name} is there`)
      process.kill(victim.pid, 'SIGKILL')
      const { status, stderr } = await running.ended
      assert.equal(status, 1, stderr)
      assert.match(stderr, /\ntsbuild: the helper [^\n]*\n(hint: [^\n]*\n)?$/)
      await provesNothingIsLeft(family)
    })
  }

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    for (const whom of ['tsbuild', 'its whole process group, as Ctrl-C does'] as const) {
      it(`ends at once when ${signal} goes to ${whom}`, async () => {
        const running = await standing()
        const family = familyOf(running.pid)
        const from = performance.now()
        process.kill(whom === 'tsbuild' ? running.pid : -running.pid, signal)
        const ended = await running.ended
        assert.equal(ended.status, status, ended.stderr)
        assert.ok(performance.now() - from < 2000)
        assert.match(ended.stderr, new RegExp(`\\ntsbuild: interrupted by ${signal}\\n$`))
        await provesNothingIsLeft(family)
        assert.deepEqual(remains(bench), [])
      })
    }
  }

  it('leaves what it had finished: the next build begins where it was', async () => {
    const running = await standing()
    await endHard(bench, running, 'SIGKILL')
    const again = await bench.build(dockerfileOf(bench))
    assert.equal(again.status, 0, again.stderr)
    assert.equal(again.stderr.match(/ CACHED$/gm)?.length, 4, again.stderr)
    assert.ok(await eventually(() => processesWith(bench.folder).length === 0, 2000))
  })
})
