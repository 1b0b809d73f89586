import assert from 'node:assert/strict'
import { isDue, parseUsage } from '../../../builder/care/usage.ts'

const LIMITS = { reserved: 100, maxUsed: 1000, minFree: 500 }
const USAGE = { at: 1e12, used: 600, disk: 5000, cap: 1000, made: 0 }
const DISK = { now: 1e12 + 1000, free: 800, used: 5000 }

describe('a look at the whole store', () => {
  for (const [what, usage, disk, due] of [
    ['not when nothing was made', {}, {}, false],
    ['not while the cache is within its limit', { made: 400 }, {}, false],
    ['when builds made more than the limit', { made: 401 }, {}, true],
    ['when the disk filled up by that much', {}, { used: 5401 }, true],
    ['not when it became emptier', { made: 300 }, { used: 0 }, false],
    ['when a day went by', {}, { now: 1e12 + 864e5 }, true],
    ['when the clock was set back', {}, { now: 1e12 - 864e5 }, true],
    ['when the limit is another', { cap: 2000 }, {}, true],
    ['not again at once where nothing could be removed', { used: 1500, made: 50 }, {}, false],
    ['again when it has grown further', { used: 1500, made: 51 }, {}, true],
    ['when the disk is nearly full and the cache has grown', { made: 51 }, { free: 499 }, true],
    ['not for a full disk alone', { made: 50 }, { free: 0 }, false],
    ['not for a full disk when the cache is what always may stay', { used: 10, made: 60 }, { free: 0 }, false],
  ] as const)
    it(`is taken ${what}`, () => assert.equal(isDue({ ...USAGE, ...usage }, { ...DISK, ...disk }, LIMITS), due))

  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '{"at":1}',
    '{"at":1,"used":"2","disk":3,"cap":4,"made":5}',
    '{"at":1e999,"used":2,"disk":3,"cap":4,"made":5}',
  ])
    it(`begins anew after ${JSON.stringify(text)}`, () => assert.equal(parseUsage(text), undefined))
  it('is noted as it was', () => assert.deepEqual(parseUsage(JSON.stringify(USAGE)), USAGE))
})
