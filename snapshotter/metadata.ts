import { readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type InferOutput, object, string } from 'valibot'
import { readDocument } from '../registry/oci/document.ts'
import { hasCode, isErrno } from '../registry/oci/error.ts'

const FORMAT = 1
const MAX_META_BYTES = 4096

const metadata = object({
  /** The boot in which the tree was written. Trees are never synced, so what another boot left is not believed. */
  bootId: string(),
  /** DiffID of its topmost layer. */
  diffID: string(),
})

/** What is known of a finished snapshot: `meta` beside its tree, a format byte followed by JSON. A folder without it is no snapshot. */
export type SnapshotMetadata = Readonly<InferOutput<typeof metadata>>

/** Undefined when there is none, or one of another format: the snapshot is then made again. */
export async function readMetadata(folder: string): Promise<SnapshotMetadata | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(join(folder, 'meta'))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  if (bytes[0] !== FORMAT || bytes.length > MAX_META_BYTES) return undefined
  try {
    return readDocument(metadata, bytes.subarray(1), 'snapshot')
  } catch (error) {
    if (hasCode(error, 'DOCUMENT_INVALID')) return undefined
    throw error
  }
}

/** How exact the time of last use is, the mtime of `meta`: within this time it is not written again. */
const USE_GRAIN_MS = 60 * 60 * 1000

/** Notes that a snapshot was used now, for removing what was not used for longest. */
export async function markUsed(folder: string, now: number): Promise<void> {
  const meta = join(folder, 'meta')
  if (Math.abs(now - (await stat(meta)).mtimeMs) >= USE_GRAIN_MS) await utimes(meta, now / 1000, now / 1000)
}

/** Written last, into a folder that is not published yet. */
export async function writeMetadata(folder: string, value: SnapshotMetadata): Promise<void> {
  await writeFile(join(folder, 'meta'), Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify(value))]), { flag: 'wx' })
}

/** A power cut may have taken files of the tree: it would cost every step a sync to know, and costs one unpacking after a reboot not to know. */
export function isSound(value: SnapshotMetadata, bootId: string): boolean {
  return value.bootId === bootId
}
