import assert from 'node:assert/strict'
import { lanesOf } from '../../../cli/report/lanes.ts'

const step = (name: string, started: number, ended: number) => ({ name, started, ended })
const names = (lanes: readonly (readonly { name: string }[])[]) => lanes.map((lane) => lane.map(({ name }) => name).join(' '))

describe('lanesOf', () => {
  it('puts steps that follow each other into one lane, and those at the same time into others', () => {
    const steps = [step('a', 0, 4), step('b', 0, 2), step('c', 2, 3), step('d', 4, 6), step('e', 1, 5)]
    assert.deepEqual(names(lanesOf(steps, [])), ['a d', 'b c', 'e'])
  })
  it('keeps the first lane for the steps that come first, and fills its gaps', () => {
    const [a, b, c, d] = [step('a', 0, 9), step('b', 0, 1), step('c', 5, 6), step('d', 2, 4)] as const
    assert.deepEqual(names(lanesOf([a, b, c, d], [b, c])), ['b d c', 'a'])
  })
  it('never lets two steps of a lane overlap', () => {
    const steps = Array.from({ length: 200 }, (_, at) => step(String(at), (at * 37) % 101, ((at * 37) % 101) + (at % 13)))
    const lanes = lanesOf(steps, steps.slice(50, 60))
    assert.equal(lanes.flat().length, 200)
    for (const lane of lanes)
      lane.forEach((one, at) => {
        assert.ok((lane[at - 1]?.ended ?? 0) <= one.started)
      })
  })
})
