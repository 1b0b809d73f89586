import assert from 'node:assert/strict'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { type Algorithm, algorithmOf, digestFromBytes, digestOf, hexOf, newHash, parseDigest } from '../../../registry/oci/digest.ts'
import { hasCode } from '../../../registry/oci/error.ts'

/** An implementation that shares no code with ours. */
const INDEPENDENT: Record<Algorithm, (bytes: Uint8Array) => Uint8Array> = { sha256, sha512 }
const ALGORITHMS: Algorithm[] = ['sha256', 'sha512']
const ZEROS = '0'.repeat(64)

describe('digestOf', () => {
  for (const algorithm of ALGORITHMS)
    it(`agrees with an independent ${algorithm}, whole and in pieces`, () =>
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (pieces) => {
          const whole = Buffer.concat(pieces)
          const want = INDEPENDENT[algorithm](whole)
          const hash = newHash(algorithm)
          for (const piece of pieces) hash.update(piece)
          assert.equal(digestOf(whole, algorithm), `${algorithm}:${bytesToHex(want)}`)
          assert.equal(hash.digest(), `${algorithm}:${bytesToHex(want)}`)
          assert.equal(digestFromBytes(want), `${algorithm}:${bytesToHex(want)}`)
        }),
      ))

  it('gives the published digest of no bytes', () =>
    assert.equal(digestOf(''), 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'))
})

describe('parseDigest', () => {
  for (const text of [`sha256:${ZEROS}`, `sha512:${ZEROS}${ZEROS}`])
    it(`takes ${text.slice(0, 6)}, and gives its parts`, () => {
      const digest = parseDigest(text)
      assert.equal(`${algorithmOf(digest)}:${hexOf(digest)}`, text)
    })

  const bad: [string, string][] = [
    ['no algorithm', ZEROS],
    ['an unknown algorithm', `md5:${ZEROS}`],
    ['upper-case hexadecimal', `sha256:${'A'.repeat(64)}`],
    ['a digit too few', `sha256:${ZEROS.slice(1)}`],
    ['a digit too many', `sha256:${ZEROS}0`],
    ['the length of the other algorithm', `sha512:${ZEROS}`],
    ['a path', `sha256:../../${ZEROS.slice(6)}`],
    ['a newline at the end', `sha256:${ZEROS}\n`],
    ['a third part', `sha256:${ZEROS}:x`],
    ['nothing', ''],
  ]
  for (const [name, text] of bad)
    it(`refuses ${name}`, () =>
      assert.throws(
        () => parseDigest(text),
        (error) => hasCode(error, 'DIGEST_INVALID'),
      ))
})
