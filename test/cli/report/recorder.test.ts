import assert from 'node:assert/strict'
import { Recorder } from '../../../cli/report/recorder.ts'

function recorded() {
  let time = 0
  const recorder = new Recorder(() => time)
  recorder.add({ kind: 'started', step: 's', name: 'RUN', time })
  const print = (text: string, stream: 'stdout' | 'stderr' = 'stdout') =>
    recorder.add({ kind: 'log', step: 's', stream, bytes: Buffer.from(text) })
  const move = (at: number, current: number) => {
    time = at
    recorder.add({ kind: 'transfer', step: 's', id: 'blob', current, total: 9 })
  }
  return { recorder, print, move }
}

describe('Recorder', () => {
  it('keeps the last 40 lines of a step, and how many there were before', () => {
    const { recorder, print } = recorded()
    for (let line = 1; line <= 100; line++) print(`${line}\n`)
    print('begun')
    recorder.add({ kind: 'finished', step: 's', status: 'failed', time: 1 })
    const { before, lines } = recorder.outputOf('s')
    assert.deepEqual([before, lines.length, lines[0], lines.at(-1)], [61, 40, '62', 'begun'])
    assert.deepEqual(recorder.outputOf('s'), { before, lines })
  })
  it('keeps the beginning and the end of a long line', () => {
    const { recorder, print } = recorded()
    print(`${'x'.repeat(60_000)}\n`)
    assert.ok((recorder.outputOf('s').lines[0]?.length ?? 0) < 5000)
  })
  it('knows when a transfer began and was last heard of', () => {
    const { recorder, move } = recorded()
    for (const [time, current] of [
      [5, 1],
      [7, 4],
      [11, 9],
    ] as const)
      move(time, current)
    assert.deepEqual(
      recorder.transfersOf('s').map(({ since, until, current, total }) => [since, until, current, total]),
      [[5, 11, 9, 9]],
    )
  })
  it('knows nothing of a step that nobody has seen', () => {
    assert.deepEqual([recorded().recorder.outputOf('x'), recorded().recorder.transfersOf('x')], [{ before: 0, lines: [] }, []])
  })
})
