import assert from 'node:assert/strict'
import { choose, type Limits } from '../../../builder/care/choose.ts'
import type { Entry } from '../../../builder/care/entry.ts'
import { readFilters } from '../../../builder/care/filters.ts'
import { defaultLimits, policyRules } from '../../../builder/care/policy.ts'
import { asDiffID, digestOf } from '../../../registry/oci/digest.ts'

const NOW = 1_000_000_000_000
const HOUR = 3_600_000
const FREE = 1000

/** An entry that was last used so many hours ago. */
function entry(id: string, hours: number, more: Partial<Entry> = {}): Entry {
  const usual = { kind: 'download', description: '', bytes: 10, reclaimable: true, shared: false, files: [], folders: [] } as const
  return { ...usual, id, lastUsed: NOW - hours * HOUR, ...more }
}
const layer = (text: string) => ({ diffID: asDiffID(digestOf(text)) })

function chosen(
  entries: readonly Entry[],
  { filters = [], limits = {}, all = false }: { filters?: string[]; limits?: Limits; all?: boolean } = {},
) {
  const { entries: taken, bytes } = choose(entries, [{ ...readFilters(filters), limits, all }], { now: NOW, free: FREE })
  return { ids: taken.map(({ id }) => id), bytes }
}

describe('choose', () => {
  const THREE = [entry('new', 1), entry('old', 30), entry('older', 70)]
  for (const [what, options, ids] of [
    ['takes all that may go without limits', {}, ['older', 'old', 'new']],
    ['takes what was not used for some time', { filters: ['until=24h'] }, ['older', 'old']],
    ['takes the same by the other name of it', { filters: ['unused-for=1h30m'] }, ['older', 'old']],
    ['keeps as much as it may, what was used last', { limits: { maxUsed: 25 } }, ['older']],
    ['keeps what is always allowed', { limits: { maxUsed: 5, reserved: 20 } }, ['older']],
    ['cuts down to what is always allowed when nothing else is said', { limits: { reserved: 10 } }, ['older', 'old']],
    ['takes nothing within the limits', { limits: { maxUsed: 30 } }, []],
    ['takes nothing while enough of the disk is free', { limits: { minFree: FREE } }, []],
    ['takes what is missing of the free disk', { limits: { minFree: FREE + 15 } }, ['older', 'old']],
    ['keeps what is always allowed though the disk is full', { limits: { minFree: FREE + 100, reserved: 20 } }, ['older']],
    ['takes only what is old also beyond the limits', { filters: ['until=48h'], limits: { maxUsed: 1 } }, ['older']],
  ] as const satisfies readonly (readonly [string, Parameters<typeof chosen>[1] & object, string[]])[])
    it(what, () => assert.deepEqual(chosen(THREE, { ...options, filters: [...('filters' in options ? options.filters : [])] }).ids, ids))

  it('leaves images, what is in use, and without --all what is small', () => {
    const entries = [
      entry('image', 9, { kind: 'image', reclaimable: false }),
      entry('busy', 9, { reclaimable: false }),
      entry('c', 9, { kind: 'context' }),
    ]
    assert.deepEqual(chosen(entries).ids, [])
    assert.deepEqual(chosen(entries, { all: true }).ids, ['c'])
  })
  it('does not count images against limits', () => {
    const entries = [entry('image', 9, { kind: 'image', reclaimable: false, bytes: 1000 }), ...THREE]
    assert.deepEqual(chosen(entries, { limits: { maxUsed: 25 } }).ids, ['older'])
  })
  it('takes what nothing leads to in any case', () =>
    assert.deepEqual(chosen([entry('x', 0, { kind: 'leftover' })], { filters: ['type=mount'] }).ids, ['x']))
  it('frees a layer with the last of its steps, and what was unpacked of it then, too', () => {
    const first = entry('first', 3, { kind: 'step', bytes: 1, layerBytes: 0, ...layer('a') })
    const last = entry('last', 2, { kind: 'step', bytes: 101, layerBytes: 100, ...layer('a') })
    const tree = entry('tree', 1, { kind: 'snapshot', bytes: 300, ...layer('a') })
    assert.deepEqual(chosen([first, last, tree], { filters: ['id=last'] }), { ids: ['last'], bytes: 1 })
    assert.deepEqual(chosen([first, last, tree], { filters: ['type=step'] }), { ids: ['first', 'last', 'tree'], bytes: 402 })
  })
  it('takes nothing for old because the clock was wrong once', () => {
    const ahead = entry('ahead', -24 * 400)
    assert.deepEqual(chosen([ahead], { filters: ['until=1h'] }).ids, [])
    assert.deepEqual(chosen([ahead, entry('older', 9)], { limits: { maxUsed: 10 } }).ids, ['older'])
  })
  it('of one key takes any value, of several keys needs each', () => {
    const entries = [entry('m', 9, { kind: 'mount' }), entry('g', 9, { kind: 'git' }), entry('s', 9, { kind: 'step' })]
    assert.deepEqual(chosen(entries, { filters: ['type=exec.cachemount', 'type=git'] }).ids, ['m', 'g'])
    assert.deepEqual(chosen(entries, { filters: ['type!=git', 'id~=^[mg]$'] }).ids, ['m'])
    assert.deepEqual(chosen(entries, { filters: ['private', 'shared=false', 'reclaimable=1', 'inuse!=true', 'type==regular'] }).ids, ['s'])
  })
})

describe('the usual policy', () => {
  const GIB = 2 ** 30
  it('takes shares of a small disk, and amounts of a large one', () => {
    assert.deepEqual(defaultLimits(20e9), { reserved: 2e9, maxUsed: 16e9, minFree: 4e9 })
    assert.deepEqual(defaultLimits(1000e9), { reserved: 10e9, maxUsed: 100e9, minFree: 200e9 })
  })
  const take = (entries: readonly Entry[]) =>
    choose(entries, policyRules({ reserved: GIB, maxUsed: 4 * GIB, minFree: 0 }), { now: NOW, free: FREE }).entries.map(({ id }) => id)
  it('takes what is easily had again after two days, once the cache is beyond 512 MB', () => {
    const easy = (bytes: number) => [
      entry('mount', 50, { kind: 'mount', bytes }),
      entry('step', 70, { kind: 'step', bytes, ...layer('a') }),
      entry('git', 40, { kind: 'git', bytes }),
    ]
    assert.deepEqual(take(easy(100e6)), [])
    assert.deepEqual(take(easy(300e6)), ['mount'])
  })
  it('takes the oldest beyond the limit, and what is small last of all', () => {
    const entries = [
      entry('records', 9000, { kind: 'internal', bytes: GIB }),
      entry('step', 3, { kind: 'step', bytes: 3 * GIB, layerBytes: 3 * GIB, ...layer('a') }),
      entry('mount', 2, { kind: 'mount', bytes: GIB }),
    ]
    assert.deepEqual(take(entries), ['step'])
    assert.deepEqual(take([entry('records', 9000, { kind: 'internal', bytes: 5 * GIB })]), ['records'])
  })
})
