import assert from 'node:assert/strict'
import { algorithmOf, digestFromBytes, digestOf, hexOf, isDigest, newHash, parseDigest } from '../../../registry/oci/digest.ts'
import { hasCode } from '../../../registry/oci/error.ts'

const ABC = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' // FIPS 180-2, appendix B.1

describe('digestOf', () => {
  it('is the digest of the standard for abc', () => assert.equal(digestOf('abc'), ABC))
  it('knows sha512', () => assert.match(digestOf('abc', 'sha512'), /^sha512:ddaf35a1/))
  it('is the same for pieces', () => {
    const hash = newHash()
    for (const byte of Buffer.from('abc')) hash.update(Buffer.of(byte))
    assert.equal(hash.digest(), ABC)
  })
  it('is read back from raw bytes', () => assert.equal(digestFromBytes(Buffer.from(ABC.slice(7), 'hex')), ABC))
  it('has its parts', () => assert.deepEqual([algorithmOf(parseDigest(ABC)), hexOf(parseDigest(ABC))], ['sha256', ABC.slice(7)]))
})

describe('parseDigest', () => {
  for (const text of [
    '',
    'sha256',
    'sha256:',
    ABC.slice(0, -1),
    `${ABC}0`,
    ABC.toUpperCase(),
    ABC.replace('ba', 'BA'),
    ABC.replace('ba', 'g0'),
    `${ABC}\n`,
    ` ${ABC}`,
    `${ABC}:x`,
    ABC.replace('sha256', 'sha512'),
    `md5:${'0'.repeat(32)}`,
    'sha256:../../../../etc/passwd',
    `sha256:../${'0'.repeat(61)}`,
    `sha256:${'0'.repeat(63)}/`,
    `__proto__:${'0'.repeat(64)}`,
    `constructor:${'0'.repeat(64)}`,
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.equal(isDigest(text), false)
      assert.throws(
        () => parseDigest(text),
        (error) => hasCode(error, 'DIGEST_INVALID'),
      )
    })
  }
})
