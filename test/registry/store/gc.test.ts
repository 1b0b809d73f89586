import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { asDiffID, digestOf } from '../../../registry/oci/digest.ts'
import { OCI_LAYER } from '../../../registry/oci/media-type.ts'
import { checkStore } from '../../../registry/store/check.ts'
import { collect } from '../../../registry/store/gc.ts'
import { refreshIndex } from '../../../registry/store/layout.ts'
import { putBlob, putImage } from './images.ts'
import { failsWith, listOf, testStore } from './support.ts'
import { tocBytes } from './tocs.ts'

const NONE = { roots: [], diffIDs: [] }
const diffID = (text: string) => asDiffID(digestOf(text))

describe('collect', () => {
  it('removes what neither names nor roots nor records lead to', async () => {
    const t = await testStore({ keep: true })
    const { blobs, names, layers, tocs, origins } = t.store
    const [named, rooted, dead] = [await putImage(blobs, ['n']), await putImage(blobs, ['r']), await putImage(blobs, ['d'])]
    const step = await putBlob(blobs, OCI_LAYER, 'step layer')
    await names.set('app', named)
    for (const text of ['n', 'd', 's']) {
      await layers.add(diffID(text), 'codec-1', text === 's' ? step : { mediaType: OCI_LAYER, digest: digestOf(text), size: 1 })
      const temporary = await t.store.temporary()
      writeFileSync(temporary, tocBytes([], diffID(text)))
      await tocs.adopt(temporary, diffID(text))
    }
    await origins.add(digestOf('d'), 'r.io', 'app')
    mkdirSync(`${t.root}/cache/steps/ab`)
    writeFileSync(`${t.root}/cache/steps/ab/record`, '')
    await t.store[Symbol.asyncDispose]()

    await using alone = await t.reopen({ access: 'exclusive' })
    const collected = await collect(alone, { roots: [rooted], diffIDs: [diffID('s')] }, [`${t.root}/cache/steps/ab/record`])
    assert.deepEqual({ ...collected, bytes: collected.bytes > 0 }, { blobs: 3, bytes: true, tocs: 1, layers: 1, records: 1, partials: 0 })
    assert.equal(await alone.blobs.stat(dead.digest), undefined)
    for (const digest of [named.digest, rooted.digest, digestOf('n'), digestOf('r'), step.digest])
      assert.ok(await alone.blobs.stat(digest), digest)
    assert.deepEqual(new Set(alone.tocs.list()), new Set([diffID('n'), diffID('s')]))
    assert.deepEqual(await alone.origins.of(digestOf('d')), [])
    assert.equal(existsSync(`${t.root}/cache/steps/ab/record`), false)
    assert.deepEqual((await collect(alone, { roots: [rooted], diffIDs: [diffID('s')] })).blobs, 0)
    await refreshIndex(alone)
    const findings = (await checkStore(alone)).filter(({ code }) => code !== 'TOC_DAMAGED') // these layers are no tars
    assert.deepEqual(findings, [])
    await alone[Symbol.asyncDispose]()
    await t.remove()
  })
  it('waits until nobody else has the store open', async () => {
    await using t = await testStore()
    await using other = await t.reopen()
    await t.store.blobs.put(Buffer.from('just written'))
    let waited = 0
    const alone = t.reopen({ access: 'exclusive', onWait: () => waited++ })
    await t.store[Symbol.asyncDispose]()
    await sleep(60)
    assert.equal(waited, 1)
    assert.equal((await listOf(other.blobs.list())).length, 1)
    await other[Symbol.asyncDispose]()
    await using store = await alone
    assert.equal((await collect(store, NONE)).blobs, 1)
  })
  it('is not done beside others', async () => {
    await using t = await testStore()
    await assert.rejects(collect(t.store, NONE), /to itself/)
  })
  it('keeps half-done transfers for a day, and removes idle lock files', async () => {
    const t = await testStore({ keep: true })
    const [fresh, old] = [digestOf('fresh'), digestOf('old')].map((digest) => `${t.root}/ingest/${digest.replace(':', '-')}`)
    assert.ok(fresh && old)
    for (const path of [fresh, old]) writeFileSync(path, 'part')
    utimesSync(old, 1000, 1000)
    await (await t.store.lock('some-key'))?.release()
    await t.store[Symbol.asyncDispose]()
    const alone = await t.reopen({ access: 'exclusive' })
    assert.equal((await collect(alone, NONE)).partials, 1)
    assert.deepEqual([existsSync(fresh), existsSync(old)], [true, false])
    assert.deepEqual(
      readdirSync(`${t.root}/locks`).filter((name) => !name.startsWith('run-')),
      ['store'],
    )
    await alone[Symbol.asyncDispose]()
    await t.remove()
  })
  it('stops at an image that it cannot read, before anything is removed', async () => {
    const t = await testStore({ keep: true })
    const image = await putImage(t.store.blobs, ['a'])
    await t.store[Symbol.asyncDispose]()
    const alone = await t.reopen({ access: 'exclusive' })
    await assert.rejects(collect(alone, { roots: [{ ...image, size: 1 }], diffIDs: [] }), failsWith('BLOB_MISMATCH'))
    assert.equal((await listOf(alone.blobs.list())).length, 3)
    await alone[Symbol.asyncDispose]()
    await t.remove()
  })
})
