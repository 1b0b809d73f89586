import { existsSync } from 'node:fs'
import { type Digest, hexOf, isDigest } from '../../registry/oci/digest.ts'
import { readIfThere } from '../../registry/store/names.ts'
import { FORMAT, type Place, writeWhole } from '../../registry/store/place.ts'

/** One step of an image: its name as progress shows it, and the key of its record. */
export interface RecordedStep {
  readonly name: string
  readonly key: Digest
}

/** Keeps which steps an image came from: `cache/builds/<hex of the image ID>`. Written once: the same image has the same steps. */
export async function recordBuild(place: Place, imageID: Digest, steps: readonly RecordedStep[]): Promise<void> {
  const path = pathOf(place, imageID)
  if (existsSync(path)) return
  await writeWhole(place, path, Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify(steps))]))
}

/** Undefined for an image that was not built in this store. */
export function recordedBuild(place: Place, imageID: Digest): readonly RecordedStep[] | undefined {
  const bytes = readIfThere(pathOf(place, imageID))
  return bytes === undefined ? undefined : parseBuild(bytes)
}

/** Undefined for bytes that are no record of a build. */
export function parseBuild(bytes: Buffer): readonly RecordedStep[] | undefined {
  if (bytes[0] !== FORMAT) return undefined
  try {
    const steps = JSON.parse(bytes.toString('utf8', 1)) as RecordedStep[]
    return steps.filter(({ key }) => isDigest(key))
  } catch {
    return undefined // cut short by a power failure
  }
}

function pathOf(place: Place, imageID: Digest): string {
  return `${place.root}/cache/builds/${hexOf(imageID)}`
}
