import assert from 'node:assert/strict'
import { DEFAULT_PATH, stepEnvironment } from '../../../builder/steps/environment.ts'

describe('stepEnvironment', () => {
  for (const [what, items, want] of [
    ['adds PATH and HOME', ['A=1'], [DEFAULT_PATH, 'A=1', 'HOME=/root']],
    ['leaves those that are set, also to nothing', ['PATH=', 'HOME=/h'], ['PATH=', 'HOME=/h']],
    ['takes the last of equal names', ['A=1', 'B=2', 'A=3'], [DEFAULT_PATH, 'A=3', 'B=2', 'HOME=/root']],
    ['leaves out what is no variable', ['PATH', 'A', '', '=x', 'B='], [DEFAULT_PATH, 'B=', 'HOME=/root']],
    ['keeps further equals signs', ['A=b=c'], [DEFAULT_PATH, 'A=b=c', 'HOME=/root']],
  ] as const)
    it(what, () => assert.deepEqual(stepEnvironment(items, '/root'), want))
})
