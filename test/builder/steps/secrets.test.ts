import assert from 'node:assert/strict'
import { Masking, maskedParts } from '../../../builder/steps/secrets.ts'

/** What comes out when the text comes in pieces of this size. */
function masked(text: string, secret: string, size: number): string {
  const masking = new Masking(maskedParts(Buffer.from(secret)))
  const out: Uint8Array[] = []
  for (let at = 0; at < text.length; at += size) out.push(masking.pass(Buffer.from(text.slice(at, at + size))))
  return Buffer.concat([...out, masking.rest()]).toString()
}

describe('Masking', () => {
  for (const [what, text, secret, want] of [
    ['takes a secret out of a line', 'a token-1 b', 'token-1\n', 'a **** b'],
    ['takes out every one', 'abcdabcdxabcd', 'abcd', '********x****'],
    ['leaves the beginning of one', 'to token- tok', 'token-1', 'to token- tok'],
    ['takes out each line of one with several', 'x line two y', 'line one\nline two\n', 'x **** y'],
    ['takes out all lines of one with several', 'line one\nline two', 'line one\nline two', '****\n****'],
    ['takes out the longer of two lines', 'abcdef abcd', 'abcd\nabcdef', '**** ****'],
    ['leaves what is too short to be told from text', 'a b c', 'b', 'a b c'],
    ['leaves an empty secret alone', 'a b', '\n', 'a b'],
    ['is not led astray by a repeated beginning', 'aaaaab', 'aaab', 'aa****'],
  ] as const)
    it(what, () => {
      for (const size of [1, 2, 3, 5, 1000]) assert.equal(masked(text, secret, size), want, `pieces of ${size}`)
    })

  it('takes out the longest of many that begin alike', () => {
    const secret = ['abcd', 'abcdef', 'abcdefgh', 'abcdx', 'abce'].join('\n')
    for (const size of [1, 2, 3, 7, 1000])
      assert.equal(masked('abcdefg abcdefgh abcdy abcez abcf', secret, size), '****g **** ****y ****z abcf')
  })
  it('does not look at every line of a secret for every byte', () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => Buffer.from(`key ${i * 7919}`))
    const compare = Buffer.prototype.compare
    let compared = 0
    Buffer.prototype.compare = function (this: Buffer, ...args: Parameters<typeof compare>) {
      compared++
      return compare.apply(this, args)
    } as typeof compare
    try {
      const masking = new Masking(lines)
      compared = 0
      masking.pass(Buffer.from('key x '.repeat(10_000)))
      assert.ok(compared < 10_000 * 80, `${compared}`)
    } finally {
      Buffer.prototype.compare = compare
    }
  })
})
