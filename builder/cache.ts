import { type DiffID, type Digest, isDigest } from '../registry/oci/digest.ts'
import type { MissCause } from '../registry/oci/event.ts'
import { markUsed } from '../registry/store/last-use.ts'
import { readIfThere } from '../registry/store/names.ts'
import { cachePath, FORMAT, type Place, writeWhole } from '../registry/store/place.ts'
import type { StepTraits } from './explain/traits.ts'
import type { KeyParts } from './plan/cache-key.ts'

/** What a step made, kept under its key. */
export interface StepRecord {
  readonly diffID: DiffID
  /** When the layer was made, ISO 8601. */
  readonly created: string
  /** The parts of the key, for explaining a miss; values of secrets are never among them. */
  readonly parts: KeyParts
  /** Who made it: program and version. */
  readonly producer: string
  /** Why it was done, and how long that took in milliseconds. */
  readonly made?: { readonly cause: MissCause; readonly milliseconds: number } | undefined
  /** What it was, for explaining what it has become; records that are no step's have none. */
  readonly traits?: StepTraits | undefined
}

/** Step records: `cache/steps/<2>/<key>`, a file a key, written by rename. */
export class StepCache {
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  /** Undefined when there is no record, or one in a format that is not ours. */
  async find(key: Digest): Promise<StepRecord | undefined> {
    const bytes = readIfThere(this.#path(key))
    return bytes === undefined ? undefined : readRecord(bytes)
  }

  /** The step of this key was found instead of done. */
  used(key: Digest, now: number): void {
    markUsed(this.#path(key), now)
  }

  async put(key: Digest, record: StepRecord): Promise<void> {
    await writeWhole(this.#place, this.#path(key), Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify(record))]))
  }

  #path(key: Digest): string {
    return cachePath(this.#place.root, 'steps', key)
  }
}

/** A record from its bytes; undefined for one of another format, or cut short by a power failure. */
export function readRecord(bytes: Uint8Array): StepRecord | undefined {
  if (bytes[0] !== FORMAT) return undefined
  let value: Partial<Record<keyof StepRecord, unknown>>
  try {
    value = JSON.parse(Buffer.from(bytes.subarray(1)).toString('utf8')) as typeof value
  } catch {
    return undefined
  }
  const { diffID, created, parts } = value
  if (typeof diffID !== 'string' || !isDigest(diffID) || typeof created !== 'string' || typeof parts !== 'object' || parts === null)
    return undefined
  return value as StepRecord
}
