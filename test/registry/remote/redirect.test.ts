import assert from 'node:assert/strict'
import { leadsTo } from '../../../registry/remote/redirect.ts'
import { nextPage } from '../../../registry/remote/tags.ts'

describe('leadsTo', () => {
  for (const [from, location, want] of [
    ['https://a.com/v2/x', '/v2/y?z=1', 'https://a.com/v2/y?z=1'],
    ['https://a.com/v2/x', 'y', 'https://a.com/v2/y'],
    ['https://a.com/v2/x', '//b.com/y', 'https://b.com/y'],
    ['http://localhost/x', 'https://a.com/y', 'https://a.com/y'],
    ['https://a.com/x', 'https://u:p@b.com/y#z', 'https://b.com/y'],
  ] as [string, string, string][]) {
    it(`reads ${location}`, () => assert.equal(leadsTo(new URL(from), location).href, want))
  }
  for (const location of ['http://a.com/y', 'ftp://a.com', 'file:///etc/passwd', 'data:,x', 'https://', `/${'x'.repeat(9000)}`]) {
    it(`refuses ${location.slice(0, 30)}`, () => {
      assert.throws(() => leadsTo(new URL('https://a.com/x'), location), { code: 'REDIRECT_REFUSED' })
    })
  }
})

describe('nextPage', () => {
  const base = new URL('https://a.com')
  for (const [link, want] of [
    [undefined, undefined],
    ['</v2/x/tags/list?n=2&last=b>; rel="next"', 'https://a.com/v2/x/tags/list?n=2&last=b'],
    ['<https://a.com/p2>; rel=next', 'https://a.com/p2'],
    ['</p1>; rel="prev", </p3>; rel="next"', 'https://a.com/p3'],
    ['</p1>; rel="prev"', undefined],
    ['nonsense', undefined],
  ] as [string | undefined, string | undefined][]) {
    it(`reads ${link}`, () => assert.equal(nextPage(link, base, base)?.href, want))
  }
  for (const link of ['<https://b.com/p>; rel="next"', '<http://a.com/p>; rel="next"', '<//b.com>; rel=next']) {
    it(`refuses ${link}`, () => assert.throws(() => nextPage(link, base, base), { code: 'REDIRECT_REFUSED' }))
  }
})
