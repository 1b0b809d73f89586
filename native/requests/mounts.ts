import type { Bytes, Writer } from '../wire.ts'
import { type TreeRequest, writeTree } from './trees.ts'

interface Owned {
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/**
 * What RUN --mount puts into a step. `target` is absolute, as the step sees it; where there is nothing, a mount point is made for the time of the step.
 * Mounts are attached in the order of their targets. `source` is a path inside the tree or folder, found as a process in it would find it.
 */
export type StepMount = { readonly target: Bytes; readonly readOnly: boolean } & (
  | { readonly kind: 'tree'; readonly tree: TreeRequest; readonly source: Bytes }
  /** The folder `path` of the store outlives the step; a new one gets this owner and mode, and begins as a copy of `seed`. */
  | ({ readonly kind: 'folder'; readonly path: Bytes; readonly source: Bytes; readonly seed: TreeRequest | undefined } & Owned)
  /** `size` in bytes; 0: no limit of its own. */
  | { readonly kind: 'tmpfs'; readonly size: number }
  /** Lives in memory only. */
  | ({ readonly kind: 'file'; readonly content: Uint8Array } & Owned)
  /** A listening socket of ours, at this path outside; it is given to this owner. */
  | ({ readonly kind: 'socket'; readonly path: Bytes } & Owned)
  /** A path of the host, as it is: a device node stays one. */
  | { readonly kind: 'host'; readonly path: Bytes }
)

const KINDS: readonly StepMount['kind'][] = ['tree', 'folder', 'tmpfs', 'file', 'socket', 'host']
const ROOTS: Owned = { mode: 0, uid: 0, gid: 0 }

export function writeMount(w: Writer, mount: StepMount): void {
  const { mode, uid, gid } = 'mode' in mount ? mount : ROOTS
  const tree = mount.kind === 'tree' ? mount.tree : mount.kind === 'folder' ? mount.seed : undefined
  w.u8(KINDS.indexOf(mount.kind))
    .bytes(mount.target)
    .u8(mount.readOnly ? 1 : 0)
    .bytes('source' in mount ? mount.source : '')
    .bytes('path' in mount ? mount.path : '')
    .u64(mount.kind === 'tmpfs' ? mount.size : 0)
    .bytes(mount.kind === 'file' ? mount.content : '')
    .u32(mode)
    .u32(uid)
    .u32(gid)
    .u8(mount.kind === 'folder' && tree !== undefined ? 1 : 0)
  if (tree !== undefined) writeTree(w, tree)
}
