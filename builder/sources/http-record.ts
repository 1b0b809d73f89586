import { readFileSync } from 'node:fs'
import { number, object, optional, parse, string } from 'valibot'
import { type Digest, digestOf, hexOf, parseDigest } from '../../registry/oci/digest.ts'
import { isErrno } from '../../registry/oci/error.ts'
import { markUsed } from '../../registry/store/last-use.ts'
import { FORMAT, type Place, writeWhole } from '../../registry/store/place.ts'

/** What a URL gave the last time, and how to ask whether it still does. */
export interface HttpRecord {
  readonly digest: Digest
  readonly size: number
  /** The URL without user, password and query, to be shown. */
  readonly url?: string | undefined
  /** Seconds since the epoch. */
  readonly mtime: number
  readonly etag?: string | undefined
  readonly lastModified?: string | undefined
}

const recordSchema = object({
  digest: string(),
  size: number(),
  url: optional(string()),
  mtime: number(),
  etag: optional(string()),
  lastModified: optional(string()),
})

/** `cache/http/<digest of the URL>`; what is missing, cut short or of another release is as good as nothing. The content is a blob of the store. */
export function readHttpRecord(place: Pick<Place, 'root'>, url: URL): HttpRecord | undefined {
  try {
    return parseHttpRecord(readFileSync(pathOf(place, url)))
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Undefined for bytes that are none. */
export function parseHttpRecord(bytes: Buffer): HttpRecord | undefined {
  if (bytes[0] !== FORMAT) return undefined
  try {
    const record = parse(recordSchema, JSON.parse(bytes.toString('utf8', 1)))
    return { ...record, digest: parseDigest(record.digest) }
  } catch {
    return undefined // cut short by a power failure
  }
}

/** What the URL gave was used again. */
export function markHttpRecordUsed(place: Pick<Place, 'root'>, url: URL, now: number): void {
  markUsed(pathOf(place, url), now)
}

export async function writeHttpRecord(place: Place, url: URL, record: HttpRecord): Promise<void> {
  await writeWhole(place, pathOf(place, url), Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify(record))]))
}

function pathOf({ root }: Pick<Place, 'root'>, url: URL): string {
  return `${root}/cache/http/${hexOf(digestOf(url.href))}`
}
