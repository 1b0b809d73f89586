import assert from 'node:assert/strict'
import { digestOf } from '../../../registry/oci/digest.ts'
import { verified } from '../../../registry/store/verified.ts'
import { failsWith, textOf } from './support.ts'

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text)
}
const want = { digest: digestOf('hello'), size: 5 }

describe('verified', () => {
  for (const texts of [['hello'], ['h', 'e', 'l', 'l', 'o'], ['', 'hello', '']]) {
    it(`passes on ${JSON.stringify(texts)}`, async () => assert.equal(await textOf(verified(pieces(...texts), want)), 'hello'))
  }
  it('knows sha512', async () =>
    assert.equal(await textOf(verified(pieces('hello'), { digest: digestOf('hello', 'sha512'), size: 5 })), 'hello'))
  for (const texts of [[], ['hell'], ['jello'], ['hello', '!']]) {
    it(`refuses ${JSON.stringify(texts)}`, () => assert.rejects(textOf(verified(pieces(...texts), want)), failsWith('BLOB_MISMATCH')))
  }
  it('does not read an endless body to its end', async () => {
    let read = 0
    async function* endless() {
      for (;;) {
        read++
        yield Buffer.from('xx')
      }
    }
    await assert.rejects(textOf(verified(endless(), want)), failsWith('BLOB_MISMATCH'))
    assert.equal(read, 3)
  })
})
