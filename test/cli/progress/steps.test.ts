import assert from 'node:assert/strict'
import { MAX_LINE, Steps } from '../../../cli/progress/steps.ts'

function running() {
  const steps = new Steps()
  const step = steps.start({ kind: 'started', step: 's', name: 'RUN x', time: 0 })
  const log = (bytes: Uint8Array | string, stream: 'stdout' | 'stderr' = 'stdout') =>
    steps.lines({ kind: 'log', step: 's', stream, bytes: Buffer.from(bytes) })
  return { log, rest: () => steps.rest(step) }
}

describe('Steps', () => {
  it('puts lines together from pieces, each stream for itself', () => {
    const { log, rest } = running()
    assert.deepEqual([log('a'), log('x', 'stderr'), log('b\nc\nd'), log('y\n', 'stderr')], [[], [], ['ab', 'c'], ['xy']])
    assert.deepEqual(rest(), ['d'])
  })
  it('puts characters together that are split over pieces', () => {
    const { log, rest } = running()
    const lines = [...Buffer.from('grün 🌲\n🌲')].flatMap((byte) => log(Uint8Array.of(byte)))
    assert.deepEqual([lines, rest()], [['grün 🌲'], ['🌲']])
  })
  it('shows the rest of a character whose end never came', () => {
    const { log, rest } = running()
    assert.deepEqual([log(Buffer.from('ü').subarray(0, 1)), rest()], [[], ['\ufffd']])
  })
  it('cuts a line that has no end, and loses nothing of it', () => {
    const { log, rest } = running()
    const lines = log('x'.repeat(3 * MAX_LINE + 5))
    assert.deepEqual(
      lines.map((line) => line.length),
      [MAX_LINE, MAX_LINE, MAX_LINE],
    )
    assert.deepEqual([log('\n'), rest()], [['xxxxx'], []])
  })
  it('never cuts between the halves of a character', () => {
    const { log } = running()
    const [line = ''] = log(`${'x'.repeat(MAX_LINE - 1)}🌲y`)
    assert.equal(line, 'x'.repeat(MAX_LINE - 1))
  })
  it('takes 20 MB without a line end in small pieces at once', () => {
    const { log } = running()
    const piece = Buffer.alloc(100, 'x')
    const start = performance.now()
    let characters = 0
    for (let i = 0; i < 200_000; i++) for (const line of log(piece)) characters += line.length
    assert.ok(characters > 19_900_000)
    assert.ok(performance.now() - start < 3000) // a tenth of that; quadratic it takes minutes
  })
})
