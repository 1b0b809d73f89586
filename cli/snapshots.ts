import { randomBytes } from 'node:crypto'
import type { Helper } from '../native/helper.ts'
import type { NativeOps } from '../native/ops.ts'
import { digestOf, hexOf } from '../registry/oci/digest.ts'
import type { Emit } from '../registry/oci/event.ts'
import type { Store } from '../registry/store/store.ts'
import { openSnapshotter } from '../snapshotter/open.ts'
import type { Snapshotter } from '../snapshotter/snapshotter.ts'
import { isolationOf, probePlace, stackingOf } from './isolation.ts'

interface Parts {
  readonly store: Store
  readonly native: NativeOps
  readonly helper: () => Promise<Helper>
  readonly bootId: string
  /** TSBUILD_STACKING; without it, what the place allows. */
  readonly stacking: string | undefined
  readonly emit: Emit
  readonly now: () => number
}

/** Opens the snapshots of the store in the way that this place allows, and says which that is. */
export async function openSnapshots({ store, native, helper, bootId, stacking, emit, now }: Parts): Promise<Snapshotter> {
  const started = await helper()
  const { idMap } = started
  const isolation = isolationOf(await probePlace(store.root, started, native), stackingOf(stacking))
  emit({ kind: 'note', message: isolation.line })
  const fingerprint = hexOf(digestOf(idMap.replace(/\s+/g, ' '))).slice(0, 16)
  const tocs = { ...store.tocs, temporary: () => store.temporary() }
  const options = { root: store.root, fingerprint, stacking: isolation.stacking, bootId }
  return openSnapshotter(options, { helper, ops: native, tocs, now, newId: () => randomBytes(8).toString('hex') })
}
