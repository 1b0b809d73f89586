import type { PackEntry } from '../native/requests/layers.ts'
import type { TocEntry } from '../registry/store/toc.ts'

/** An entry of a layer to be packed again: its content comes out of blob number `blob` of the pack. */
export function packEntryOf(entry: TocEntry, blob: number): PackEntry {
  const { path, type, mode, uid, gid, mtime, link, rdevMajor, rdevMinor, xattrs, size, offset } = entry
  const isFile = type === 'file'
  const source = isFile ? ({ kind: 'blob', blob, offset } as const) : ({ kind: 'none' } as const)
  return { path, type, mode, uid, gid, mtime, link, rdevMajor, rdevMinor, xattrs, size: isFile ? size : 0, source }
}
