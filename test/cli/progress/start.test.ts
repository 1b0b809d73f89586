import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { startProgress } from '../../../cli/progress/start.ts'

/** A terminal or pipe that nobody has read from yet. */
function screen(signal = new AbortController().signal) {
  const stream = Object.assign(new PassThrough({ highWaterMark: 1000 }), { isTTY: false, columns: 80, rows: 24 })
  const progress = startProgress('plain', { stream: () => stream as unknown as NodeJS.WriteStream, now: () => 0, env: {}, signal })
  progress.emit({ kind: 'started', step: 's', name: 'RUN', time: 0 })
  const print = (bytes: number) => progress.emit({ kind: 'log', step: 's', stream: 'stdout', bytes: Buffer.from(`${'x'.repeat(bytes)}\n`) })
  return { stream, progress, print }
}

describe('startProgress', () => {
  it('holds nothing back while what it has written is small', () => {
    const { progress, print } = screen()
    print(10_000)
    assert.equal(progress.settled(), undefined)
  })
  it('holds commands back while a megabyte waits for a slow reader, until that has read', async () => {
    const { stream, progress, print } = screen()
    for (let i = 0; i < 30; i++) print(50_000)
    const waiting = progress.settled()
    assert.equal(progress.settled(), waiting)
    let isSettled = false
    void Promise.resolve(waiting).then(() => (isSettled = true))
    await new Promise(setImmediate)
    assert.equal(isSettled, false)
    stream.resume()
    await waiting
    assert.equal(progress.settled(), undefined)
  })
  it('holds nothing back once interrupted', async () => {
    const stop = new AbortController()
    const { progress, print } = screen(stop.signal)
    for (let i = 0; i < 30; i++) print(50_000)
    const waiting = progress.settled()
    stop.abort()
    await waiting
    assert.equal(progress.settled(), undefined)
  })
})
