import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type DiffID, type Digest, hexOf, isDigest } from '../registry/oci/digest.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
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
}

/** First byte of a record; another one is a miss. */
const FORMAT = '1'

/** Step records: `cache/steps/<2>/<key>`, a file a key, written by rename. */
export class StepCache {
  readonly #folder: string

  constructor(storeRoot: string) {
    this.#folder = join(storeRoot, 'cache', 'steps')
  }

  /** Undefined when there is no record, or one in a format that is not ours. */
  async find(key: Digest): Promise<StepRecord | undefined> {
    let text: string
    try {
      text = await readFile(this.#path(key), 'utf8')
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
    return text.startsWith(FORMAT) ? readRecord(text.slice(FORMAT.length)) : undefined
  }

  async put(key: Digest, record: StepRecord): Promise<void> {
    const path = this.#path(key)
    const temporary = `${path}.${process.pid}.tmp`
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await writeFile(temporary, FORMAT + JSON.stringify(record), { mode: 0o600 })
      await rename(temporary, path)
    } catch (cause) {
      throw new TsbuildError('STORE_WRITE', `cannot keep the record of a step in ${this.#folder}`, { cause })
    }
  }

  #path(key: Digest): string {
    const hex = hexOf(key)
    return join(this.#folder, hex.slice(0, 2), hex)
  }
}

function readRecord(text: string): StepRecord | undefined {
  let value: Partial<Record<keyof StepRecord, unknown>>
  try {
    value = JSON.parse(text) as typeof value
  } catch {
    return undefined // cut short by a power failure: a miss, and written anew
  }
  const { diffID, created, parts, producer } = value
  if (typeof diffID !== 'string' || !isDigest(diffID) || typeof created !== 'string' || typeof parts !== 'object' || parts === null) return undefined
  return { diffID: diffID as DiffID, created, parts: parts as KeyParts, producer: String(producer) }
}
