import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { digestOf } from '../../../registry/oci/digest.ts'
import { hasCode } from '../../../registry/oci/error.ts'
import { OCI_LAYER } from '../../../registry/oci/media-type.ts'
import type { Blobs } from '../../../registry/store/blobs.ts'
import { testStore } from './support.ts'

const text = (value: string) => Buffer.from(value)
const failsWith = (code: Uppercase<string>) => (error: unknown) => hasCode(error, code)
async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of source) parts.push(part)
  return Buffer.concat(parts).toString()
}
async function listOf(blobs: Blobs): Promise<string[]> {
  const all: string[] = []
  for await (const digest of blobs.list()) all.push(digest)
  return all.sort()
}

describe('blobs', () => {
  it('gives back what was put', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const digest = await blobs.put(text('hello'))
    const long = await blobs.put(text('hello'), 'sha512')
    assert.equal(digest, digestOf('hello'))
    assert.equal(Buffer.from(await blobs.read(digest, 5)).toString(), 'hello')
    assert.equal(Buffer.from(await blobs.read(long, 5)).toString(), 'hello')
    assert.deepEqual(await blobs.stat(long), { size: 5 })
    assert.deepEqual(await listOf(blobs), [digest, long].sort())
    assert.equal(await textOf(blobs.open(digest, { start: 1, end: 3 })), 'el')
    await blobs.delete(digest)
    assert.equal(await blobs.stat(digest), undefined)
    await assert.rejects(blobs.read(digest, 5), failsWith('BLOB_MISSING'))
    await assert.rejects(textOf(blobs.open(digest)), failsWith('BLOB_MISSING'))
  })
})
describe('ingest', () => {
  const digest = digestOf('hello')
  const want = { mediaType: OCI_LAYER, digest, size: 5 }
  it('goes on where it stopped', async () => {
    await using t = await testStore()
    {
      await using first = await t.store.blobs.ingest(want)
      await first.write(text('he'))
    }
    {
      await using second = await t.store.blobs.ingest(want)
      assert.equal(second.offset, 2)
      await second.write(text('llo'))
      await second.commit()
    }
    assert.equal(Buffer.from(await t.store.blobs.read(digest, 5)).toString(), 'hello')
    assert.deepEqual(readdirSync(`${t.root}/ingest`), [])
    await using third = await t.store.blobs.ingest(want)
    assert.equal(third.done, true)
  })
})
