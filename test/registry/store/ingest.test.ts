import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf } from '../../../registry/oci/digest.ts'
import { OCI_LAYER } from '../../../registry/oci/media-type.ts'
import { failsWith, startWriter, testStore, textOf } from './support.ts'

const bytes = (text: string) => Buffer.from(text)
const want = { mediaType: OCI_LAYER, digest: digestOf('hello'), size: 5 }
const partial = (root: string) => `${root}/ingest/sha256-${want.digest.slice(7)}`

describe('ingest', () => {
  it('makes a blob of what was written, byte by byte', async () => {
    await using t = await testStore()
    {
      await using ingest = await t.store.blobs.ingest(want)
      for (const byte of bytes('hello')) await ingest.write(Buffer.of(byte))
      await ingest.commit()
      assert.equal(ingest.done, true)
    }
    assert.equal(await textOf(t.store.blobs.open(want.digest)), 'hello')
    assert.equal(existsSync(partial(t.root)), false)
    await using again = await t.store.blobs.ingest(want)
    assert.deepEqual([again.done, again.offset], [true, 5])
  })
  it('goes on where it stopped', async () => {
    await using t = await testStore()
    {
      await using first = await t.store.blobs.ingest(want)
      await first.write(bytes('he'))
    }
    await using second = await t.store.blobs.ingest(want)
    assert.equal(second.offset, 2)
    await second.write(bytes('llo'))
    await second.commit()
    assert.equal(await textOf(t.store.blobs.open(want.digest)), 'hello')
  })
  it('can start anew', async () => {
    await using t = await testStore()
    await using ingest = await t.store.blobs.ingest(want)
    await ingest.write(bytes('hxx'))
    await ingest.restart()
    assert.equal(ingest.offset, 0)
    await ingest.write(bytes('hello'))
    await ingest.commit()
  })
  it('refuses more bytes than were said', async () => {
    await using t = await testStore()
    await using ingest = await t.store.blobs.ingest(want)
    await assert.rejects(ingest.write(bytes('hello!')), failsWith('BLOB_MISMATCH'))
  })
  for (const [what, text] of [
    ['too little', 'hell'],
    ['something else', 'jello'],
  ] as const) {
    it(`does not commit ${what}, and forgets it`, async () => {
      await using t = await testStore()
      {
        await using ingest = await t.store.blobs.ingest(want)
        await ingest.write(bytes(text))
        await assert.rejects(ingest.commit(), failsWith('BLOB_MISMATCH'))
        assert.equal(ingest.offset, 0)
      }
      assert.equal(await t.store.blobs.stat(want.digest), undefined)
      assert.equal(existsSync(partial(t.root)), false)
    })
  }
  it('notices what a crash made of the partial file', async () => {
    await using t = await testStore()
    writeFileSync(partial(t.root), Buffer.alloc(3)) // zeros, as after a power cut
    {
      await using ingest = await t.store.blobs.ingest(want)
      assert.equal(ingest.offset, 3)
      await ingest.write(bytes('lo'))
      await assert.rejects(ingest.commit(), failsWith('BLOB_MISMATCH'))
    }
    await using next = await t.store.blobs.ingest(want)
    assert.equal(next.offset, 0)
  })
  it('throws away a partial file that is too long', async () => {
    await using t = await testStore()
    writeFileSync(partial(t.root), 'hello and more')
    await using ingest = await t.store.blobs.ingest(want)
    assert.equal(ingest.offset, 0)
  })
  it('says so when the descriptor is wrong about the size', async () => {
    await using t = await testStore()
    await t.store.blobs.put(bytes('hello'))
    await assert.rejects(t.store.blobs.ingest({ ...want, size: 4 }), failsWith('BLOB_MISMATCH'))
  })
  it('takes an empty blob', async () => {
    await using t = await testStore()
    await using ingest = await t.store.blobs.ingest({ mediaType: OCI_LAYER, digest: digestOf(''), size: 0 })
    await ingest.commit()
    assert.deepEqual(await t.store.blobs.stat(digestOf('')), { size: 0 })
  })
  it('lets a second writer wait, who then finds it done', async () => {
    await using t = await testStore()
    await using other = await t.reopen()
    const first = await t.store.blobs.ingest(want)
    let waited = 0
    const second = other.blobs.ingest(want, { onWait: () => waited++ })
    await first.write(bytes('hello'))
    await sleep(50)
    await first.commit()
    await first[Symbol.asyncDispose]()
    await using done = await second
    assert.deepEqual([done.done, waited], [true, 1])
  })
  it('keeps what a killed process wrote, and its lock is free', async function () {
    this.timeout(60_000)
    await using t = await testStore()
    const size = 64 << 20
    const content = Buffer.alloc(size, 'x')
    const big = { mediaType: OCI_LAYER, digest: digestOf(content), size }
    const path = `${t.root}/ingest/sha256-${big.digest.slice(7)}`
    const writer = startWriter(t.root, big)
    while (!existsSync(path) || statSync(path).size < 1 << 20) await sleep(2)
    await writer.kill()
    const left = statSync(path).size
    assert.ok(left > 0 && left < size, `${left} bytes`)
    await using ingest = await t.store.blobs.ingest(big)
    assert.equal(ingest.offset, left)
    await ingest.write(content.subarray(left))
    await ingest.commit()
    assert.deepEqual(await t.store.blobs.stat(big.digest), { size })
  })
  it('removes the temporary files of killed processes in the next run, and only those', async function () {
    this.timeout(60_000)
    await using t = await testStore()
    const writers = [0, 1, 2].map(() => startWriter(t.root, want, 'temporary'))
    for (const writer of writers) await writer.ready
    const files = () => readdirSync(`${t.root}/ingest`).filter((name) => existsSync(`${t.root}/ingest/${name}/0`))
    assert.equal(files().length, 3)
    await writers[0]?.kill()
    await writers[1]?.kill()
    await t.store.temporary()
    assert.equal(files().length, 1) // the third one lives
    await writers[2]?.kill()
    await using next = await t.reopen()
    await next.temporary()
    assert.deepEqual(files(), [])
  })
})

// A partial file that is cut while nobody writes it is just a shorter one.
describe('ingest of a cut partial file', () => {
  it('goes on from what is there', async () => {
    await using t = await testStore()
    {
      await using first = await t.store.blobs.ingest(want)
      await first.write(bytes('hell'))
    }
    truncateSync(partial(t.root), 1)
    await using second = await t.store.blobs.ingest(want)
    assert.equal(second.offset, 1)
  })
})
