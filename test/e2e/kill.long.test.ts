import assert from 'node:assert/strict'
import { type Ending, type KillTrial, notHere, openTrial } from './kill-support.ts'
import { remains } from './leftovers.ts'

/** How often each command is ended at a random moment, and by which signals in turn. */
const ROUNDS = { build: 60, parallel: 100, pull: 20, push: 20 } as const
const SIGNALS: readonly Ending[] = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGKILL', 'SIGINT']

for (const kind of ['build', 'parallel', 'pull', 'push'] as const) {
  describe(`tsbuild ${kind} that is ended at random moments`, function () {
    this.timeout(120_000)
    let trial: KillTrial
    const ended: boolean[] = []
    before(async function () {
      const missing = notHere()
      if (missing !== undefined) return void this.skip()
      trial = await openTrial(kind)
    })
    after(() => trial?.[Symbol.asyncDispose]())

    for (let round = 0; round < ROUNDS[kind]; round++) {
      const [signal = 'SIGKILL', part] = [SIGNALS[round % SIGNALS.length], Math.random()]
      it(`leaves nothing behind by ${signal} at ${(part * 100).toFixed(1)} %, and the next run goes through`, async () => {
        ended.push(await trial.endAt(part * trial.lengthMs, signal))
        assert.deepEqual(remains(trial.bench), [])
      })
    }

    it('was mostly not too quick to be ended', () => {
      assert.ok(ended.filter(Boolean).length > ROUNDS[kind] / 2, `${ended.filter(Boolean).length} of ${ROUNDS[kind]}`)
    })
  })
}
