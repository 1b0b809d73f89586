import type { FileType } from '../../native/requests/fields.ts'
import type { PackEntry } from '../../native/requests/layers.ts'
import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { join, nameOf, parentOf, resolvePathIn } from '../../registry/store/resolve-path.ts'
import type { TocEntry } from '../../registry/store/toc.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { packEntryOf } from '../toc-entry.ts'
import { madeEntry, type Placement, type TargetEntry } from './place.ts'
import { type Archive, invalidArchive } from './unpack.ts'

/**
 * Unpacks an archive, the blob number `blob` of the pack, into the directory `destination`, which is made if need be, 0755 and of the --chown owner. Members
 * keep their owners unless there is a --chown, and their modes whatever --chmod says; they replace what is in their way. Directories that the archive
 * does not have itself are 0755 and root's. The destination is the root for the links on the way to a member; one that leads out of it is ARCHIVE_INVALID.
 */
export async function placeArchive(placement: Placement, archive: Archive, blob: number, destination: Bytes): Promise<void> {
  const into = await placement.resolve(destination)
  await placement.directory(into, 0o755)
  const byPath = new Map(archive.entries.map((entry) => [entry.path, entry]))
  for (const [path, member] of byPath) {
    if (path === '') continue
    const entry = fileOf(member, byPath, archive)
    const place = await memberPath({ placement, archive, into }, path, entry.type)
    if (place === into) continue // a link to the destination itself, which keeps what it has
    await impliedParents(placement, into, place)
    const sameFile = entry.type === 'file' ? `${archive.path}\0${entry.path}` : undefined
    await placement.replace(packEntry(entry, { placement, blob, path: place }), sameFile)
  }
}

interface Unpacking {
  readonly placement: Placement
  readonly archive: Archive
  readonly into: Bytes
}

/** Where a member goes: all links above it are followed, and for a directory its own. */
async function memberPath({ placement, archive, into }: Unpacking, path: Bytes, type: FileType): Promise<Bytes> {
  const at = async (step: Bytes): Promise<TargetEntry | undefined> => {
    const node = await placement.at(join(into, step))
    if (node?.type === 'symlink' && leadsOut(step, node.link))
      throw invalidArchive(archive, `${textOfBytes(path)} would go through ${textOfBytes(step)}, a link that leads out of the destination`)
    return node
  }
  if (type === 'directory') return join(into, (await resolvePathIn(path, at)).path)
  return join(into, join((await resolvePathIn(parentOf(path), at)).path, nameOf(path)))
}

/** Of a relative link; an absolute one begins at the destination. */
function leadsOut(path: Bytes, link: Bytes): boolean {
  return !link.startsWith('/') && /^\.\.(\/|$)/.test(cleanPath(join(parentOf(path), link)))
}

async function impliedParents(placement: Placement, into: Bytes, path: Bytes): Promise<void> {
  const missing: Bytes[] = []
  for (let dir = parentOf(path); dir !== into && dir !== '' && (await placement.at(dir)) === undefined; dir = parentOf(dir))
    missing.push(dir)
  for (const dir of missing.reverse())
    await placement.replace({ ...madeEntry('directory', 0o755, placement.time), path: dir, uid: 0, gid: 0 }, undefined)
}

function packEntry(entry: TocEntry, { placement, blob, path }: { placement: Placement; blob: number; path: Bytes }): PackEntry {
  const { uid, gid } = placement.owner ?? entry
  return { ...packEntryOf(entry, blob), path, uid, gid }
}

/** The member that holds the content of a name of a file, through links to links. Throws ARCHIVE_INVALID when the archive has no such file. */
function fileOf(member: TocEntry, byPath: ReadonlyMap<Bytes, TocEntry>, archive: Archive): TocEntry {
  const seen = new Set<TocEntry>()
  let entry: TocEntry | undefined = member
  while (entry?.type === 'hardlink' && !seen.has(entry)) {
    seen.add(entry)
    entry = byPath.get(entry.link)
  }
  if (entry !== undefined && entry.type !== 'hardlink') return entry
  throw invalidArchive(archive, `${textOfBytes(member.path)} is a hard link to ${textOfBytes(member.link)}, which is no file in it`)
}
