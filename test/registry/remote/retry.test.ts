import assert from 'node:assert/strict'
import { pauseAfter, retryAfter } from '../../../registry/remote/retry.ts'
import { covers, type Scope, union } from '../../../registry/remote/scope.ts'

describe('retryAfter', () => {
  const now = () => Date.parse('2026-01-01T00:00:00Z')
  for (const [header, want] of [
    [undefined, undefined],
    ['3', 3000],
    ['0', 0],
    ['100000', 60_000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Thu, 01 Jan 2026 09:00:00 GMT', 60_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['-5', 0],
    ['soon', undefined],
  ] as [string | undefined, number | undefined][]) {
    it(`takes ${header} as ${want} ms`, () => assert.equal(retryAfter(header, { now }), want))
  }
})

describe('pauseAfter', () => {
  it('doubles, between half and all of it, to at most 30 seconds', () => {
    assert.deepEqual(
      [1, 2, 3, 20].map((tried) => pauseAfter(tried, { baseMs: 100, random: () => 0 })),
      [50, 100, 200, 15_000],
    )
    assert.equal(pauseAfter(1, { baseMs: 100, random: () => 0.5 }), 75)
  })
})

describe('scopes', () => {
  const pull: Scope = 'repository:a/b:pull'
  const push: Scope = 'repository:a/b:pull,push'
  it('put the actions of one repository together', () => {
    assert.deepEqual(union(['repository:z:pull', pull, push, 'repository:a/b:delete']), [
      'repository:a/b:delete,pull,push',
      'repository:z:pull',
    ])
  })
  it('cover less, and no other repository', () => {
    assert.deepEqual(
      [covers([push], [pull]), covers([pull], [push]), covers([pull], []), covers([push], ['repository:a:pull'])],
      [true, false, true, false],
    )
  })
})
