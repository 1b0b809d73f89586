import assert from 'node:assert/strict'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { type Algorithm, digestFromBytes, digestOf, newHash } from '../../../registry/oci/digest.ts'

/** An implementation that shares no code with ours. */
const INDEPENDENT: Record<Algorithm, (bytes: Uint8Array) => Uint8Array> = { sha256, sha512 }

describe('digestOf and newHash', () => {
  for (const algorithm of ['sha256', 'sha512'] as const)
    it(`agree with an independent ${algorithm}, whole and in pieces`, () =>
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (pieces) => {
          const whole = Buffer.concat(pieces)
          const raw = INDEPENDENT[algorithm](whole)
          const hash = newHash(algorithm)
          for (const piece of pieces) hash.update(piece)
          const want = `${algorithm}:${bytesToHex(raw)}`
          assert.deepEqual([digestOf(whole, algorithm), hash.digest(), digestFromBytes(raw)], [want, want, want])
        }),
      ))
})
