import assert from 'node:assert/strict'
import { criticalPath, type Span } from '../../../cli/report/critical-path.ts'

/** `id: started-ended <- inputs` */
function span(text: string): Span {
  const [, id = '', started, ended, inputs = ''] = /^(\S+): (\d+)-(\d+)(?: <- (.*))?$/.exec(text) ?? []
  return { id, started: Number(started), ended: Number(ended), inputs: inputs === '' ? [] : inputs.split(' ') }
}
const pathOf = (...steps: string[]) => criticalPath(steps.map(span)).map(({ id }) => id)

describe('criticalPath', () => {
  for (const [what, steps, path] of [
    ['nothing of nothing', [], []],
    ['the one step', ['a: 0-5'], ['a']],
    ['the longer side of a diamond', ['a: 0-1', 'b: 1-9 <- a', 'c: 1-2 <- a', 'd: 9-10 <- b c'], ['a', 'b', 'd']],
    ['the side that ended last, though the other one worked longer', ['a: 0-6', 'b: 0-1', 'c: 5-7 <- b', 'd: 7-8 <- a c'], ['b', 'c', 'd']],
    ['what ended last, not what began last', ['a: 0-9', 'b: 5-6'], ['a']],
    ['what was done before the first steps began', ['pull: 0-5', 'a: 5-6', 'b: 5-9', 'push: 9-12'], ['pull', 'b', 'push']],
    ['the step whose job slot was waited for', ['a: 0-4', 'b: 4-8', 'c: 8-9'], ['a', 'b', 'c']],
    ['inputs before others that ended later', ['a: 0-1', 'b: 0-3', 'c: 4-5 <- a'], ['a', 'c']],
    ['a step whose inputs nobody saw', ['b: 2-3 <- base'], ['b']],
    ['no circle, whatever the clock did', ['a: 5-2 <- b', 'b: 4-1 <- a'], ['b', 'a']],
    ['steps that took no time', ['a: 1-1', 'b: 1-1 <- a', 'c: 1-1 <- b'], ['a', 'b', 'c']],
  ] as const)
    it(`is ${what}`, () => assert.deepEqual(pathOf(...steps), path))

  it('leads to the step that is asked for', () => {
    const steps = ['a: 0-1', 'b: 1-2 <- a', 'c: 0-9'].map(span)
    assert.deepEqual(
      criticalPath(steps, steps[1]).map(({ id }) => id),
      ['a', 'b'],
    )
  })
  it('goes through 20,000 steps in a row', () => {
    const steps = Array.from({ length: 20_000 }, (_, at) => span(`s${at}: ${at}-${at + 1}${at === 0 ? '' : ` <- s${at - 1}`}`))
    assert.equal(criticalPath(steps).length, 20_000)
  })
})
