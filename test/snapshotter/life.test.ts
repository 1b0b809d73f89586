import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOfText } from '../../native/wire.ts'
import { type ChainID, chainIDOf } from '../../registry/oci/chain-id.ts'
import { asDiffID, digestOf } from '../../registry/oci/digest.ts'
import type { LayerBlob } from '../../snapshotter/snapshotter.ts'
import { type Bench, missingForSnapshots, openBench, seal, shell } from './bench.ts'

const nameOf = (...layers: readonly LayerBlob[]): ChainID => {
  const name = chainIDOf(layers.map((layer) => layer.diffID))
  assert.ok(name)
  return name
}

describe('snapshots of a store', function () {
  this.timeout(120_000)
  let bench: Bench
  let base: LayerBlob

  before(function () {
    if (missingForSnapshots() !== undefined) this.skip()
  })
  beforeEach(async () => {
    bench = await openBench('overlay')
    base = await bench.layers.shell()
  })
  afterEach(() => bench?.close())

  const steps = () => readdir(join(bench.root, 'steps'))
  const snapshots = () => readdir(join(bench.root, 'snapshots', 'test')).catch(() => [])
  const counted = () => {
    const calls = { unpack: 0 }
    const helper = {
      ...bench.helper,
      unpack: (...args: Parameters<typeof bench.helper.unpack>) => {
        calls.unpack += 1
        return bench.helper.unpack(...args)
      },
    }
    return { calls, helper: async () => helper }
  }

  it('are unpacked once, and found by the next process', async () => {
    const { calls, helper } = counted()
    const first = await bench.open({}, { helper })
    const layers = [base, await bench.layers.layer({ path: 'f' })]
    await first.prepare(layers)
    assert.equal(calls.unpack, 2)
    await (await bench.open({}, { helper })).prepare(layers)
    assert.equal(calls.unpack, 2)
    assert.deepEqual(await steps(), [])
    assert.deepEqual(await readdir(join(bench.root, 'locks')), [])
  })

  it('are unpacked once by two processes at the same time', async () => {
    const { calls, helper } = counted()
    const all = await Promise.all([1, 2, 3].map(() => bench.open({}, { helper })))
    await Promise.all(all.map((one) => one.prepare([base])))
    assert.equal(calls.unpack, 1)
  })

  it('are not kept when the layer is not its diffID', async () => {
    const wrong = { ...base, diffID: asDiffID(digestOf('another')) }
    await assert.rejects(bench.snapshots.prepare([wrong]), {
      code: 'BLOB_MISMATCH',
      message: `layer ${wrong.diffID}: its content is ${base.diffID}`,
    })
    assert.deepEqual([await steps(), await snapshots()], [[], []])
  })

  it('give their table of contents on the side, and none of what is no such layer', async () => {
    const adopted: string[] = []
    const folder = join(bench.root, 'tocs')
    await mkdir(folder)
    const tocs = {
      has: () => false,
      temporary: async () => join(folder, 'new'),
      adopt: async (_: string, diffID: string) => void adopted.push(diffID),
    }
    const observed = await bench.open({}, { tocs })
    await assert.rejects(observed.prepare([{ ...base, diffID: asDiffID(digestOf('another')) }]), { code: 'BLOB_MISMATCH' })
    assert.deepEqual([await readdir(folder), adopted], [[], []])
    await observed.prepare([base])
    assert.deepEqual([await readdir(folder), adopted], [['new'], [base.diffID]])
  })

  it('are not kept of a layer that is damaged', async () => {
    const bytes = await readFile(base.path)
    const path = bench.layers.file('damaged')
    await writeFile(path, bytes.subarray(0, bytes.length / 2))
    await assert.rejects(bench.snapshots.prepare([{ ...base, path }]), {
      code: 'LAYER_INVALID',
      message: new RegExp(`^layer ${base.diffID}: compressed bytes end early`),
    })
    assert.deepEqual([await steps(), await snapshots()], [[], []])
  })

  it('are unpacked again when another boot left them', async () => {
    await bench.snapshots.prepare([base])
    const { calls, helper } = counted()
    const later = await bench.open({ bootId: 'the next boot' }, { helper })
    await later.prepare([base])
    assert.equal(calls.unpack, 1)
    await using active = await later.begin([base])
    assert.equal(await shell(active, 'cat /dev/null; echo whole'), 'whole\n')
    assert.deepEqual(await snapshots(), [nameOf(base).slice(7)])
  })

  it('are unpacked again when their metadata is of another format', async () => {
    await bench.snapshots.prepare([base])
    await writeFile(join(bench.root, 'snapshots', 'test', nameOf(base).slice(7), 'meta'), '\x02{}')
    const { calls, helper } = counted()
    await (await bench.open({}, { helper })).prepare([base])
    assert.equal(calls.unpack, 1)
  })

  it('are removed by name, and made again when needed', async () => {
    await bench.snapshots.prepare([base])
    await bench.snapshots.remove([nameOf(base), nameOf(base)])
    assert.deepEqual([await snapshots(), await steps()], [[], []])
    await bench.snapshots.prepare([base])
    assert.deepEqual(await snapshots(), [nameOf(base).slice(7)])
  })

  it('are kept once when two steps end in the same state', async () => {
    const below = await bench.layers.layer({ path: 'f' })
    await bench.snapshots.prepare([base])
    const actives = [await bench.snapshots.begin([base]), await bench.snapshots.begin([base])]
    for (const active of actives) {
      await shell(active, 'touch f')
      await seal(bench, active)
      await active.keep(nameOf(base, below))
      await active[Symbol.asyncDispose]()
    }
    assert.equal((await snapshots()).length, 2)
    assert.deepEqual(await steps(), [])
  })

  it('of a killed process are removed by the next one', async () => {
    await mkdir(join(bench.root, 'steps', 'dead'), { recursive: true })
    await writeFile(join(bench.root, 'steps', 'dead.lock'), '')
    await writeFile(join(bench.root, 'steps', 'dead', 'work'), '')
    await bench.open()
    assert.deepEqual(await steps(), [])
  })

  it('under construction are left to the process that holds them', async () => {
    await using active = await bench.snapshots.begin([base])
    await bench.open()
    assert.equal(await shell(active, 'echo here'), 'here\n')
  })

  it('of a discarded folder stay gone when the helper fails', async () => {
    await bench.snapshots.prepare([base])
    const failing = await bench.open({}, { helper: () => Promise.reject(new Error('no helper')) })
    await assert.rejects(failing.remove([nameOf(base)]), { message: 'no helper' })
    assert.deepEqual(await snapshots(), [])
    await bench.open()
    assert.deepEqual(await steps(), [])
  })

  it('refuse more layers than can be stacked', async () => {
    const layers = Array.from({ length: 501 }, (_, i) => ({ ...base, diffID: asDiffID(digestOf(`${i}`)) }))
    await assert.rejects(bench.snapshots.begin(layers), {
      code: 'LAYERS_TOO_MANY',
      message: '501 layers that change files cannot be stacked: overlayfs takes 500',
    })
  })

  it('are dropped when the unpacking is aborted', async () => {
    const large = await bench.layers.layer({ path: 'f', content: Buffer.alloc(64 << 20, 'x') })
    const abort = new AbortController()
    const prepared = bench.snapshots.prepare([large], abort.signal)
    setTimeout(() => abort.abort(new Error('enough')), 20)
    await assert.rejects(prepared, { message: 'enough' })
    assert.deepEqual([await steps(), await snapshots()], [[], []])
  })

  it('stack up to 500 layers, by either way to mount them', async () => {
    const layer = await bench.layers.layer({ path: 'f' })
    await bench.snapshots.prepare([layer])
    const one = join(bench.root, 'snapshots', 'test', nameOf(layer).slice(7))
    const tree = async (name: string, count: number) => {
      const lowers: string[] = []
      for (let i = 0; i < count; i++) {
        const lower = join(bench.root, 'steps', `${name}-${i}`)
        await mkdir(join(lower, 'fs'), { recursive: true })
        lowers.push(bytesOfText(lower))
      }
      await mkdir(join(bench.root, 'steps', name))
      return { stacking: 'overlay', lowers: [...lowers.slice(1), one], active: bytesOfText(join(bench.root, 'steps', name)) } as const
    }
    const request = { blob: { path: bytesOfText(layer.path), codec: layer.codec }, toc: '' } as const
    const byString = await openBench('overlay', { TSBUILD_OVERLAY_MOUNT: 'string' })
    for (const [name, helper] of [
      ['parts', bench.helper],
      ['string', byString.helper],
    ] as const) {
      const whole = await tree(name, 500)
      await helper.begin(whole)
      await helper.unpack({ ...whole, ...request })
      assert.deepEqual(await readdir(join(whole.active, 'fs')), ['f'])
    }
    await byString.close()
    await assert.rejects(bench.helper.begin(await tree('more', 501).then((t) => ({ ...t, lowers: [one, ...t.lowers] }))), {
      code: 'NATIVE_FAILURE',
      message: /502: too many lower directories/,
    })
  })

  it('refuse owners that would be lost where there is a single id', async () => {
    const single = await openBench('overlay', {}, 'single')
    try {
      await single.snapshots.prepare([base])
      const foreign = await single.layers.layer({ path: 'f', uid: 33 })
      await assert.rejects(single.snapshots.prepare([foreign]), {
        code: 'LAYER_FOREIGN_OWNER',
        message: `layer ${foreign.diffID}: owner of "f" does not exist here`,
      })
    } finally {
      await single.close()
    }
  })

  it('can be moved with their store', async () => {
    await bench.snapshots.prepare([base])
    const moved = `${bench.root}-moved`
    await rename(bench.root, moved)
    try {
      const there = await bench.open({ root: moved })
      await using active = await there.begin([base])
      assert.equal(await shell(active, 'echo moved'), 'moved\n')
    } finally {
      await rename(moved, bench.root)
    }
  })
})
