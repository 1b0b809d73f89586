import { readFileSync } from 'node:fs'
import { number, object, optional, parse, string } from 'valibot'
import { type Digest, digestOf, hexOf, parseDigest } from '../../registry/oci/digest.ts'
import { isErrno } from '../../registry/oci/error.ts'
import { FORMAT, type Place, writeWhole } from '../../registry/store/place.ts'

/** What a URL gave the last time, and how to ask whether it still does. */
export interface HttpRecord {
  readonly digest: Digest
  readonly size: number
  /** Seconds since the epoch. */
  readonly mtime: number
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

const recordSchema = object({
  digest: string(),
  size: number(),
  mtime: number(),
  etag: optional(string()),
  lastModified: optional(string()),
})

/** `cache/http/<digest of the URL>`; what is missing, cut short or of another release is as good as nothing. The content is a blob of the store. */
export function readHttpRecord(place: Pick<Place, 'root'>, url: URL): HttpRecord | undefined {
  try {
    const bytes = readFileSync(pathOf(place, url))
    if (bytes[0] !== FORMAT) return undefined
    const record = parse(recordSchema, JSON.parse(bytes.toString('utf8', 1)))
    return { ...record, digest: parseDigest(record.digest) }
  } catch (error) {
    if (isErrno(error, 'EACCES') || isErrno(error, 'EIO')) throw error
    return undefined
  }
}

export async function writeHttpRecord(place: Place, url: URL, record: HttpRecord): Promise<void> {
  await writeWhole(place, pathOf(place, url), Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify(record))]))
}

function pathOf({ root }: Pick<Place, 'root'>, url: URL): string {
  return `${root}/cache/http/${hexOf(digestOf(url.href))}`
}
