import { readFileSync, statSync } from 'node:fs'
import type { Digest } from '../../registry/oci/digest.ts'
import { diskSize, filesBelow, namesIn, type StoredFile } from '../../registry/store/cache-files.ts'
import { readIfThere } from '../../registry/store/names.ts'
import type { Store } from '../../registry/store/store.ts'
import { parseHttpRecord } from '../sources/http-record.ts'
import type { Entry, Kind } from './entry.ts'
import { blobBytes, type Named, sum } from './images.ts'

const INTERNAL = ['origins', 'uploads', 'served'] as const

/** Blobs that records of downloads lead to, as far as they are there in the size that is written down. */
export async function downloadedBlobs(store: Store, records: readonly string[]): Promise<Digest[]> {
  const found = records.map((path) => parseHttpRecord(readIfThere(path) ?? Buffer.alloc(0)))
  const present = await Promise.all(found.map(async (record) => (await sizeOfBlob(store, record?.digest)) === record?.size))
  return found.flatMap((record, index) => (record !== undefined && present[index] === true ? [record.digest] : []))
}

async function sizeOfBlob(store: Store, digest: Digest | undefined): Promise<number | undefined> {
  return digest === undefined ? undefined : (await store.blobs.stat(digest))?.size
}

/** Paths of the records of downloads. */
export function downloadRecords(root: string): string[] {
  return filesBelow(`${root}/cache/http`).map(({ path }) => path)
}

/** What came from outside for COPY, ADD and contexts; blobs of downloads are added to `counted`. */
export function sourceEntries(store: Store, named: Named, counted: Set<Digest>): Entry[] {
  const { root } = store
  const downloads = filesBelow(`${root}/cache/http`).map((file) => downloadEntry(store, file, named, counted))
  const partials = filesBelow(`${root}/ingest`).filter(({ path, name }) => path === `${root}/ingest/${name}` && /^sha\d+-/.test(name))
  return [
    ...downloads,
    ...partials.map((file) => fileEntry('download', file, 'first part of a blob that is still to come')),
    ...namesIn(`${root}/cache/git`).map((name) => gitEntry(root, name)),
    ...filesBelow(`${root}/cache/files`).map((file) => fileEntry('context', file, 'digests of the files of a folder')),
  ]
}

/** What pushes and the registry remember, a folder each. */
export function internalEntries(root: string): Entry[] {
  return INTERNAL.flatMap((name) =>
    folderEntry('internal', `${root}/cache/${name}`, { id: name, description: 'of pushes and of the registry' }),
  )
}

function downloadEntry(store: Store, file: StoredFile, named: Named, counted: Set<Digest>): Entry {
  const record = parseHttpRecord(readFileSync(file.path))
  const entry = fileEntry('download', file, record?.url ?? 'download')
  if (record === undefined || named.digests.has(record.digest) || counted.has(record.digest)) return entry
  counted.add(record.digest)
  return { ...entry, bytes: entry.bytes + blobBytes(store, [record.digest]) }
}

function gitEntry(root: string, name: string): Entry {
  const folder = `${root}/cache/git/${name}`
  const url = readIfThere(`${folder}/made`)?.toString('utf8') || 'repository'
  const lastUsed = statSync(`${folder}/made`, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return { ...cacheEntry('git', name, url), bytes: bytesBelow(folder), lastUsed, files: [`${folder}/made`], folders: [folder] }
}

function folderEntry(kind: Kind, folder: string, { id, description }: { id: string; description: string }): Entry[] {
  const files = filesBelow(folder)
  if (files.length === 0) return []
  const lastUsed = files.reduce((latest, { stat }) => Math.max(latest, stat.mtimeMs), 0)
  return [{ ...cacheEntry(kind, id, description), bytes: sum(files, ({ stat }) => diskSize(stat)), lastUsed, folders: [folder] }]
}

/** A file of a store that is an entry of its own. */
export function fileEntry(kind: Kind, { path, name, stat }: StoredFile, description: string): Entry {
  return { ...cacheEntry(kind, name, description), bytes: diskSize(stat), lastUsed: stat.mtimeMs, files: [path] }
}

function cacheEntry(kind: Kind, id: string, description: string): Entry {
  return { kind, id, description, bytes: 0, lastUsed: 0, reclaimable: true, shared: false, files: [], folders: [] }
}

function bytesBelow(folder: string): number {
  return sum(filesBelow(folder), ({ stat }) => diskSize(stat))
}
