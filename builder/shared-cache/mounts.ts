import { readFileSync, rmSync } from 'node:fs'
import { bytesOfText } from '../../native/wire.ts'
import { digestOf } from '../../registry/oci/digest.ts'
import { nameOf } from '../../registry/store/resolve-path.ts'
import { parseToc, type TocEntry } from '../../registry/store/toc.ts'
import { layerFiles } from '../chain.ts'
import type { BuildDeps, LayerRef } from '../deps.ts'
import { packLayer } from '../layer.ts'
import { holdCache } from '../steps/caches.ts'
import { packEntryOf } from '../toc-entry.ts'

/** A cache mount as chunks: layers that make it when they are unpacked one after the other. */
export interface SharedMount {
  /** `cacheName`: the same on every machine. */
  readonly name: string
  /** When it was packed, ISO 8601. */
  readonly saved: string
  readonly chunks: readonly LayerRef[]
}

/** A file of this size, or more, is a chunk of its own. */
const LARGE_BYTES = 1 << 20
/** One in so many small files is the last of its chunk, told by its name: a file more or less changes the chunk that it is in, and no other. */
const FILES_A_CHUNK = 64
const MAX_CHUNK_BYTES = 16 << 20

/** Packs a cache mount; undefined where there is none, or somebody uses it. */
export async function packMount(name: string, deps: BuildDeps, signal: AbortSignal): Promise<SharedMount | undefined> {
  const held = await holdCache(name, deps)
  if (held === undefined) return undefined
  const [tar, toc] = [await deps.store.temporary(), await deps.store.temporary()]
  try {
    const options = { codec: 'none', level: 0, threads: 0 } as const
    const sealed = await (await deps.snapshots()).packFolder(held.path, { output: tar, toc, ...options }, signal)
    const saved = new Date(deps.now()).toISOString()
    if (sealed.kind === 'empty') return { name, saved, chunks: [] }
    const blobs = [{ path: bytesOfText(tar), codec: 'none' }] as const
    const chunks: LayerRef[] = []
    for (const entries of chunksOf(parseToc(readFileSync(toc)).entries))
      chunks.push(
        await packLayer(
          entries.map((entry) => packEntryOf(entry, 0)),
          { roots: [], blobs },
          deps,
          signal,
        ),
      )
    return { name, saved, chunks }
  } finally {
    for (const path of [tar, toc]) rmSync(path, { force: true })
    await held.lock.release()
  }
}

/** Makes a cache mount of its chunks, those that are not here fetched; one that is here already stays as it is. */
export async function fillMount(path: string, { chunks }: SharedMount, deps: BuildDeps, signal: AbortSignal): Promise<void> {
  await (await deps.snapshots()).fillFolder(path, await layerFiles(chunks, deps, signal), signal)
}

/** Directories first, then files in groups that do not depend on how many there are, then further names of files. */
export function chunksOf(entries: readonly TocEntry[]): TocEntry[][] {
  const isFile = ({ type }: TocEntry) => type === 'file'
  const isLink = ({ type }: TocEntry) => type === 'hardlink'
  const groups: TocEntry[][] = [entries.filter((entry) => !isFile(entry) && !isLink(entry))]
  let group: TocEntry[] = []
  let bytes = 0
  const close = () => {
    if (group.length > 0) groups.push(group)
    group = []
    bytes = 0
  }
  for (const entry of entries.filter(isFile)) {
    if (entry.size >= LARGE_BYTES) {
      groups.push([entry])
      continue
    }
    group.push(entry)
    bytes += entry.size
    if (endsChunk(entry) || bytes > MAX_CHUNK_BYTES) close()
  }
  close()
  groups.push(entries.filter(isLink))
  return groups.filter(({ length }) => length > 0)
}

function endsChunk({ path }: TocEntry): boolean {
  return Number.parseInt(digestOf(Buffer.from(nameOf(path), 'latin1')).slice(-4), 16) % FILES_A_CHUNK === 0
}
