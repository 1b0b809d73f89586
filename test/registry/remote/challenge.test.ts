import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseChallenges } from '../../../registry/remote/challenge.ts'

describe('parseChallenges', () => {
  for (const [header, want] of [
    ['Basic realm="x"', [['basic', { realm: 'x' }]]],
    [
      'Bearer realm="https://a/token",service="s",scope="repository:a:pull,push"',
      [['bearer', { realm: 'https://a/token', service: 's', scope: 'repository:a:pull,push' }]],
    ],
    [
      'Basic realm="a, b", Bearer realm="c"',
      [
        ['basic', { realm: 'a, b' }],
        ['bearer', { realm: 'c' }],
      ],
    ],
    [
      'Negotiate, Basic realm=plain',
      [
        ['negotiate', {}],
        ['basic', { realm: 'plain' }],
      ],
    ],
    [
      'Negotiate abc==, Bearer realm="c"',
      [
        ['negotiate', {}],
        ['bearer', { realm: 'c' }],
      ],
    ],
    ['BEARER Realm = "c" , Service=s', [['bearer', { realm: 'c', service: 's' }]]],
    ['Bearer realm="a \\"quoted\\" word"', [['bearer', { realm: 'a "quoted" word' }]]],
    ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
    ['Bearer realm="never closed', [['bearer', {}]]],
    ['', []],
    ['"', []],
  ] as [string, [string, Record<string, string>][]][]) {
    it(`reads ${header || 'nothing'}`, () => {
      assert.deepEqual(
        parseChallenges(header).map(({ scheme, params }) => [scheme, { ...params }]),
        want,
      )
    })
  }

  it('reads several headers, and ends on any text', () => {
    assert.equal(parseChallenges(['Basic realm="a"', 'Bearer realm="b"']).length, 2)
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), (text) => parseChallenges(`Bearer ${text}`).length >= 0))
  })
})
