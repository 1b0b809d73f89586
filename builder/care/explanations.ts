import { readFileSync } from 'node:fs'
import { type Digest, digestOf, hexOf } from '../../registry/oci/digest.ts'
import { filesBelow, type StoredFile } from '../../registry/store/cache-files.ts'
import { readRecord } from '../cache.ts'
import { parseBuild } from '../explain/build-record.ts'
import { parseList } from '../explain/file-lists.ts'
import { parseKeys } from '../explain/last-build.ts'
import { parseHttpRecord } from '../sources/http-record.ts'
import { listsOf, type StoredStep } from './steps.ts'

/** Folders below `cache/` that hold what misses are explained from. */
export const EXPLAINING = ['lists', 'kin', 'last', 'builds'] as const

/** What explanations live by. */
export interface Referrers {
  readonly steps: readonly StoredStep[]
  /** Blobs that names lead to: the configs of images are among them. */
  readonly named: ReadonlySet<Digest>
}

/**
 * Files that explain, apart by whether anything refers to them: a list of files lives as long as a record names it, keys as long as one of them has its
 * record, the steps of an image as long as that or the image is there.
 */
export function explanations(root: string, { steps, named }: Referrers): { live: StoredFile[]; dead: StoredFile[] } {
  const keys = new Set(steps.map(({ key }) => key))
  const lists = listsOf(steps)
  const hasRecord = (wanted: readonly Digest[]) => wanted.some((key) => keys.has(hexOf(key)))
  const isLive: Readonly<Record<(typeof EXPLAINING)[number], (file: StoredFile) => boolean>> = {
    lists: ({ name }) => lists.has(name),
    kin: ({ path }) => hasRecord(parseKeys(readFileSync(path)) ?? []),
    last: ({ path }) => hasRecord(parseKeys(readFileSync(path)) ?? []),
    builds: ({ path, name }) =>
      named.has(`sha256:${name}` as Digest) || hasRecord((parseBuild(readFileSync(path)) ?? []).map(({ key }) => key)),
  }
  const found = EXPLAINING.flatMap((folder) =>
    filesBelow(`${root}/cache/${folder}`).map((file) => ({ file, isLive: isLive[folder](file) })),
  )
  const having = (live: boolean) => found.filter((item) => item.isLive === live).map(({ file }) => file)
  return { live: having(true), dead: having(false) }
}

const SOUND: Readonly<Record<string, (bytes: Buffer, name: string) => boolean>> = {
  steps: (bytes) => readRecord(bytes) !== undefined,
  lists: (bytes, name) => {
    const text = parseList(bytes)
    return text !== undefined && hexOf(digestOf(text)) === name
  },
  kin: (bytes) => parseKeys(bytes) !== undefined,
  last: (bytes) => parseKeys(bytes) !== undefined,
  builds: (bytes) => parseBuild(bytes) !== undefined,
  http: (bytes) => parseHttpRecord(bytes) !== undefined,
}

/** Folders below `cache/` whose files `isSoundRecord` knows. */
export const CHECKED = Object.keys(SOUND)

/** Whether a file of `cache/<folder>` can be read, and is what its name says where that is a digest. */
export function isSoundRecord(folder: string, name: string, bytes: Buffer): boolean {
  return SOUND[folder]?.(bytes, name) ?? true
}
