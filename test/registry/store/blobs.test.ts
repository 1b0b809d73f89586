import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { digestOf } from '../../../registry/oci/digest.ts'
import { failsWith, listOf, testStore, textOf } from './support.ts'

const bytes = (text: string) => Buffer.from(text)

describe('blobs', () => {
  it('gives back what was put', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    const digest = await blobs.put(bytes('hello'))
    const long = await blobs.put(bytes('hello'), 'sha512')
    assert.deepEqual([digest, long], [digestOf('hello'), digestOf('hello', 'sha512')])
    assert.equal(Buffer.from(await blobs.read(digest, 5)).toString(), 'hello')
    assert.equal(Buffer.from(await blobs.read(long, 5)).toString(), 'hello')
    assert.deepEqual(await blobs.stat(long), { size: 5 })
    assert.deepEqual((await listOf(blobs.list())).sort(), [digest, long].sort())
    assert.equal(await blobs.put(bytes('hello')), digest)
    assert.deepEqual(readdirSync(`${t.root}/blobs/sha256`), [digest.slice(7)])
  })
  it('gives a range, its end excluded', async () => {
    await using t = await testStore()
    const digest = await t.store.blobs.put(bytes('hello'))
    const range = (start?: number, end?: number) => textOf(t.store.blobs.open(digest, { start, end }))
    assert.deepEqual(
      [await range(1, 3), await range(3), await range(undefined, 2), await range(9), await range(2, 2)],
      ['el', 'lo', 'he', '', ''],
    )
  })
  it('says what is missing', async () => {
    await using t = await testStore()
    const { blobs } = t.store
    assert.equal(await blobs.stat(digestOf('x')), undefined)
    await assert.rejects(blobs.read(digestOf('x'), 5), failsWith('BLOB_MISSING'))
    await assert.rejects(textOf(blobs.open(digestOf('x'))), failsWith('BLOB_MISSING'))
    await blobs.delete(digestOf('x'))
  })
  it('reads no more than it was told, and nothing that is not its digest', async () => {
    await using t = await testStore()
    const digest = await t.store.blobs.put(bytes('hello'))
    await assert.rejects(t.store.blobs.read(digest, 4), failsWith('BLOB_TOO_LARGE'))
    writeFileSync(t.store.blobs.path(digest), 'jello')
    await assert.rejects(t.store.blobs.read(digest, 5), failsWith('BLOB_MISMATCH'))
  })
  it('adopts a finished file by rename, and drops a second one', async () => {
    await using t = await testStore()
    for (let i = 0; i < 2; i++) {
      const temporary = await t.store.temporary()
      writeFileSync(temporary, 'hello')
      await t.store.blobs.adopt(temporary, digestOf('hello'), 5)
      assert.throws(() => statSync(temporary))
    }
    assert.equal(await textOf(t.store.blobs.open(digestOf('hello'))), 'hello')
    const short = await t.store.temporary()
    writeFileSync(short, 'hell')
    await assert.rejects(t.store.blobs.adopt(short, digestOf('other'), 5), failsWith('BLOB_MISMATCH'))
  })
  it('leaves no temporary files', async () => {
    const t = await testStore({ keep: true })
    await t.store.blobs.put(bytes('hello'))
    writeFileSync(await t.store.temporary(), 'left')
    await t.store[Symbol.asyncDispose]()
    assert.deepEqual(readdirSync(`${t.root}/ingest`), [])
    await t.remove()
  })
})

describe('blobs after a power cut', () => {
  for (const [what, damage, survives] of [
    ['whole', () => {}, true],
    ['empty', (path: string) => truncateSync(path, 0), false],
    ['full of zeros', (path: string) => writeFileSync(path, Buffer.alloc(5)), false],
  ] as const) {
    it(`are checked at first use when they were not synced: one that is ${what} ${survives ? 'stays' : 'goes'}`, async () => {
      await using t = await testStore()
      const digest = await t.store.blobs.put(bytes('hello'))
      const path = t.store.blobs.path(digest)
      const { atime, mtime } = statSync(path)
      damage(path)
      utimesSync(path, atime, mtime) // what a crash leaves is older than the damage
      await using next = await t.reopen({ bootId: 'boot-2' })
      assert.deepEqual(await next.blobs.stat(digest), survives ? { size: 5 } : undefined)
      assert.equal((await listOf(next.blobs.list())).length, survives ? 1 : 0)
    })
  }
  it('are hashed once only', async () => {
    await using t = await testStore()
    const digest = await t.store.blobs.put(bytes('hello'))
    await using next = await t.reopen({ bootId: 'boot-2' })
    await next.blobs.stat(digest)
    assert.equal(statSync(next.blobs.path(digest)).mode & 0o777, 0o444)
    assert.equal(t.hashed(), 1)
    await next.blobs.stat(digest)
    assert.equal(t.hashed(), 1)
  })
  it('are not hashed when they were synced, nor within one boot', async () => {
    await using t = await testStore()
    const digest = await t.store.blobs.put(bytes('hello'))
    await t.store.blobs.stat(digest)
    await t.store.blobs.sync([digest, digestOf('not there')])
    await using next = await t.reopen({ bootId: 'boot-2' })
    assert.deepEqual(await next.blobs.stat(digest), { size: 5 })
    assert.equal(t.hashed(), 0)
  })
  it('are hashed when another program put them there', async () => {
    await using t = await testStore()
    writeFileSync(t.store.blobs.path(digestOf('hello')), 'jello')
    assert.equal(await t.store.blobs.stat(digestOf('hello')), undefined)
    writeFileSync(t.store.blobs.path(digestOf('hello')), 'hello')
    assert.deepEqual(await t.store.blobs.stat(digestOf('hello')), { size: 5 })
    assert.equal(t.hashed(), 2)
  })
  it('are not called durable unchecked', async () => {
    await using t = await testStore()
    writeFileSync(t.store.blobs.path(digestOf('hello')), 'jello')
    await t.store.blobs.sync([digestOf('hello')])
    assert.deepEqual(await listOf(t.store.blobs.list()), [])
  })
  it('can be put again where a damaged one lies', async () => {
    await using t = await testStore()
    const path = t.store.blobs.path(digestOf('hello'))
    writeFileSync(path, 'jello')
    chmodSync(path, 0o644)
    await t.store.blobs.put(bytes('hello'))
    assert.equal(readFileSync(path, 'utf8'), 'hello')
  })
})
