import { existsSync } from 'node:fs'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Digest } from '../../registry/oci/digest.ts'
import { readIfThere } from '../../registry/store/names.ts'
import { cachePath, FORMAT, type Place, writeWhole } from '../../registry/store/place.ts'
import type { FileList } from '../steps/select.ts'

/** Text that a damaged list may grow to; the list of a million files has about 150 MiB. */
const MAX_BYTES = 1 << 29

/** Lists of files that COPY took and binds showed, by their digests: `cache/lists/<2>/<digest>`, deflated. */
export class FileLists {
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  async keep({ digest, text }: FileList): Promise<void> {
    const path = this.#path(digest)
    if (existsSync(path)) return
    await writeWhole(this.#place, path, Buffer.concat([Buffer.of(FORMAT), deflateRawSync(text, { level: 1 })]))
  }

  /** Undefined where it was not kept, or is damaged. */
  read(digest: Digest): string | undefined {
    const bytes = readIfThere(this.#path(digest))
    return bytes === undefined ? undefined : parseList(bytes)
  }

  #path(digest: Digest): string {
    return cachePath(this.#place.root, 'lists', digest)
  }
}

/** The text of a list; undefined for bytes that are none. */
export function parseList(bytes: Buffer): string | undefined {
  if (bytes[0] !== FORMAT) return undefined
  try {
    return inflateRawSync(bytes.subarray(1), { maxOutputLength: MAX_BYTES }).toString('utf8')
  } catch {
    return undefined // damaged, or it would grow beyond all bounds
  }
}
