import assert from 'node:assert/strict'
import { chainIDOf, EMPTY_DIFF_ID, nextChainID } from '../../../registry/oci/chain-id.ts'
import { asDiffID, digestOf } from '../../../registry/oci/digest.ts'

const [A, B, C] = [asDiffID(digestOf('a')), asDiffID(digestOf('b')), asDiffID(digestOf('c'))]

describe('chainIDOf', () => {
  it('has no name for no layers', () => assert.equal(chainIDOf([]), undefined))
  it('is the DiffID for one layer', () => assert.equal(chainIDOf([A]), A))
  it('is the digest of the text "parent layer" for more', () => {
    assert.equal(chainIDOf([A, B]), digestOf(`${A} ${B}`))
    assert.equal(chainIDOf([A, B, C]), digestOf(`${digestOf(`${A} ${B}`)} ${C}`))
  })
  it('depends on the order', () => assert.notEqual(chainIDOf([A, B]), chainIDOf([B, A])))
  it('is found step by step', () => assert.equal(nextChainID(chainIDOf([A, B]), C), chainIDOf([A, B, C])))
})

describe('EMPTY_DIFF_ID', () => {
  it('is the digest of two zero blocks', () => assert.equal(digestOf(Buffer.alloc(1024)), EMPTY_DIFF_ID))
})
