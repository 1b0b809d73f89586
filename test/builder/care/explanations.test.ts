import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { StepCache, type StepRecord } from '../../../builder/cache.ts'
import { CHECKED, explanations, isSoundRecord } from '../../../builder/care/explanations.ts'
import { storedSteps } from '../../../builder/care/steps.ts'
import { recordBuild } from '../../../builder/explain/build-record.ts'
import { FileLists } from '../../../builder/explain/file-lists.ts'
import { rememberBuild } from '../../../builder/explain/last-build.ts'
import { chainIDOf } from '../../../registry/oci/chain-id.ts'
import { asDiffID, type Digest, digestOf, hexOf } from '../../../registry/oci/digest.ts'
import { checkStore } from '../../../registry/store/check.ts'
import { type TestStore, testStore } from '../../registry/store/support.ts'

const diffID = (text: string) => asDiffID(digestOf(text))
const list = (text: string) => ({ digest: digestOf(text), text })

function record(layer: string, more: Partial<StepRecord> = {}): StepRecord {
  return { diffID: diffID(layer), created: '2026-01-01T00:00:00.000Z', parts: {}, producer: 'test', ...more }
}
function traits(files: Digest): StepRecord['traits'] {
  return { project: 'p', subject: 's', title: 'COPY . /', parent: { title: 'scratch' }, files }
}
function namesOf({ root }: TestStore, named: readonly Digest[] = []) {
  const { live, dead } = explanations(root, { steps: storedSteps(root).steps, named: new Set(named) })
  return { live: live.map(({ name }) => name), dead: dead.map(({ name }) => name) }
}

describe('what explains steps', () => {
  it('lives as long as a record names its list: of a COPY, or of a bind', async () => {
    await using t = await testStore()
    const [copied, shown, nobodys] = [list('copied'), list('shown'), list('nobody')]
    for (const each of [copied, shown, nobodys]) await new FileLists(t.store).keep(each)
    const cache = new StepCache(t.store)
    await cache.put(digestOf('a'), record('a', { traits: traits(copied.digest) }))
    const mounts = {
      'mount 0': JSON.stringify(['bind', '/t', true, shown.digest]),
      'mount 1': '{',
      'mount 2': '7',
      command: JSON.stringify([nobodys.digest]),
    }
    await cache.put(digestOf('b'), record('b', { parts: mounts }))
    const { live, dead } = namesOf(t)
    assert.deepEqual(live.sort(), [copied, shown].map(({ digest }) => hexOf(digest)).sort())
    assert.deepEqual(dead, [hexOf(nobodys.digest)])
  })
  it('lives as long as one of its steps is there, and the steps of an image also as long as that is', async () => {
    await using t = await testStore()
    await new StepCache(t.store).put(digestOf('there'), record('a'))
    const keys = (name: string) => [digestOf('gone'), ...(name === 'live' ? [digestOf('there')] : [])]
    for (const name of ['live', 'dead']) {
      await rememberBuild(t.store, digestOf(`project ${name}`), keys(name))
      await recordBuild(
        t.store,
        digestOf(`image ${name}`),
        keys(name).map((key) => ({ name, key })),
      )
    }
    await recordBuild(t.store, digestOf('image named'), [{ name: 'x', key: digestOf('gone') }])
    const hex = (...texts: string[]) => texts.map((text) => hexOf(digestOf(text))).sort()
    const { live, dead } = namesOf(t, [digestOf('image named')])
    assert.deepEqual(live.sort(), hex('project live', 'image live', 'image named'))
    assert.deepEqual(dead.sort(), hex('project dead', 'image dead'))
  })
  it('is checked: what cannot be read, or is not what its name says, is found and removed', async () => {
    await using t = await testStore()
    await new FileLists(t.store).keep(list('good'))
    await rememberBuild(t.store, digestOf('p'), [digestOf('a')])
    const damage = (path: string, bytes: string | Uint8Array) => {
      mkdirSync(dirname(`${t.root}/cache/${path}`), { recursive: true })
      writeFileSync(`${t.root}/cache/${path}`, bytes)
    }
    const good = `lists/${readdirSync(`${t.root}/cache/lists`)[0]}`
    damage(`lists/ab/${hexOf(digestOf('x'))}`, '\x01not deflated')
    damage(`${good}/${hexOf(digestOf('other'))}`, new Uint8Array([1, 3, 0]))
    damage('last/cut', `\x01${digestOf('a')}\nsha256:12`)
    damage('kin/ab/foreign', '\x02')
    damage('builds/cut', '\x01[{')
    damage('http/cut', '\x01{')
    damage('steps/ab/cut', '\x01{')
    const check = async (repair: boolean) =>
      (await checkStore(t.store, { repair, recordFolders: CHECKED, isRecord: isSoundRecord })).map(({ code }) => code)
    assert.deepEqual(await check(false), Array(7).fill('RECORD_DAMAGED'))
    await check(true)
    assert.deepEqual(await check(false), [])
    assert.deepEqual(await new FileLists(t.store).read(digestOf('good')), 'good')
  })
})

describe('the records of steps', () => {
  it('count as used later than what goes on with them', async () => {
    await using t = await testStore()
    const cache = new StepCache(t.store)
    const chain = (...layers: string[]) => String(chainIDOf(layers.map(diffID)))
    const steps: [string, string][] = [
      ['a', 'scratch'],
      ['b', chain('a')],
      ['c', chain('a', 'b')],
      ['other', chain('a')],
    ]
    for (const [layer, parent] of steps) await cache.put(digestOf(layer), record(layer, { parts: { parent } }))
    for (const {
      path,
      record: { diffID: id },
    } of storedSteps(t.root).steps)
      utimesSync(path, 1000, id === diffID('c') ? 5000 : 1000)
    const used = new Map(storedSteps(t.root).steps.map(({ record: { diffID: id }, lastUsed }) => [id, lastUsed]))
    assert.deepEqual(
      steps.map(([layer]) => used.get(diffID(layer))),
      [5_000_002, 5_000_001, 5_000_000, 1_000_000],
    )
  })
  it('are not believed when they are damaged', async () => {
    await using t = await testStore()
    mkdirSync(`${t.root}/cache/steps/ab`)
    for (const [name, text] of [
      ['x', ''],
      ['y', '\x01[]'],
      ['z', '\x01{"diffID":"sha256:0"}'],
    ] as const)
      writeFileSync(`${t.root}/cache/steps/ab/${name}`, text)
    const { steps, damaged } = storedSteps(t.root)
    assert.deepEqual([steps, damaged.map(({ name }) => name).sort()], [[], ['x', 'y', 'z']])
  })
})
