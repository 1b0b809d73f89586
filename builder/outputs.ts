import type { FileTime } from '../native/requests/fields.ts'
import type { PackEntry } from '../native/requests/layers.ts'
import { bytesOfText } from '../native/wire.ts'
import { viewOf } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import { LayersTree } from './sources/layers.ts'
import { comparePaths, type SourceEntry } from './sources/tree.ts'

/**
 * Writes the whole file system of an image as one uncompressed tar at `output`, which must not exist yet: the files as a container would see them.
 * With `epoch` (seconds) every file has that time, as BuildKit's local and tar exporters do.
 */
export async function writeTree(
  layers: readonly LayerRef[],
  output: string,
  options: { readonly epoch: number | undefined; readonly signal: AbortSignal },
  deps: BuildDeps,
): Promise<void> {
  const tree = new LayersTree(await viewOf(layers, deps, options.signal), 'the image')
  const time = options.epoch === undefined ? undefined : { seconds: options.epoch, nanoseconds: 0 }
  const first = new Map<string, SourceEntry>()
  const all = [...(await tree.below(''))].sort((a, b) => comparePaths(a.path, b.path))
  const entries = all.map((entry) => packEntry(entry, tree, first, time))
  const request = {
    output: bytesOfText(output),
    toc: '',
    roots: [],
    blobs: tree.blobs,
    entries,
    codec: 'none',
    level: 0,
    threads: 0,
  } as const
  await deps.native.pack(request, options.signal)
}

/** Of several names of one file the first holds it, the others are links to that. */
function packEntry(entry: SourceEntry, tree: LayersTree, first: Map<string, SourceEntry>, time: FileTime | undefined): PackEntry {
  const { path, type, mode, uid, gid, link, rdevMajor, rdevMinor, xattrs, size, sameFile } = entry
  const common = { path, mode, uid, gid, mtime: time ?? entry.mtime, rdevMajor, rdevMinor }
  const earlier = sameFile === undefined ? undefined : first.get(sameFile)
  if (earlier !== undefined) return { ...common, type: 'hardlink', link: earlier.path, xattrs: [], size: 0, source: { kind: 'none' } }
  if (sameFile !== undefined) first.set(sameFile, entry)
  const isFile = type === 'file'
  return { ...common, type, link, xattrs, size: isFile ? size : 0, source: isFile ? tree.content(entry) : { kind: 'none' } }
}
