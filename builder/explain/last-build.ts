import { type Digest, hexOf, isDigest } from '../../registry/oci/digest.ts'
import { readIfThere } from '../../registry/store/names.ts'
import { FORMAT, type Place, writeWhole } from '../../registry/store/place.ts'

/** Keys of the steps that the last build of a Dockerfile had, done or found: `cache/last/<project>`. */
export function lastBuild(place: Place, project: Digest): Digest[] {
  return readKeys(pathOf(place, project))
}

/** Writes nothing where the last build was the same. */
export async function rememberBuild(place: Place, project: Digest, keys: readonly Digest[]): Promise<void> {
  const path = pathOf(place, project)
  if (readKeys(path).join() !== keys.join()) await writeKeys(place, path, keys)
}

/** A file of keys; none where there is none, or one of another format. */
export function readKeys(path: string): Digest[] {
  const bytes = readIfThere(path)
  return bytes === undefined ? [] : (parseKeys(bytes) ?? [])
}

/** Undefined for bytes that are of another format, or cut short. */
export function parseKeys(bytes: Buffer): Digest[] | undefined {
  if (bytes[0] !== FORMAT) return undefined
  const lines = bytes.toString('utf8', 1).split('\n')
  return lines.join('') === '' ? [] : lines.every(isDigest) ? lines : undefined
}

export function writeKeys(place: Place, path: string, keys: readonly Digest[]): Promise<void> {
  return writeWhole(place, path, Buffer.concat([Buffer.of(FORMAT), Buffer.from(keys.join('\n'))]))
}

function pathOf(place: Place, project: Digest): string {
  return `${place.root}/cache/last/${hexOf(project)}`
}
