import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { parse } from 'valibot'
import { type Descriptor, descriptorSchema } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { isErrno } from '../oci/error.ts'
import type { Blobs } from './blobs.ts'
import { syncFolder } from './durable.ts'
import { diffIDsOf, graphOf } from './graph.ts'
import { withKeyLock } from './lock.ts'
import { FORMAT, type Place, writeWhole, writing } from './place.ts'
import type { Tocs } from './tocs.ts'

const MAX_FILE_NAME = 200

export interface NamedDescriptor {
  readonly name: string
  readonly descriptor: Descriptor
}

/** Names of images, a file each in `names/`: these are what counts, index.json is made from them (layout.ts, refreshIndex). */
export interface Names {
  get(name: string): Promise<Descriptor | undefined>
  /** When the name was last given to something else than before, in milliseconds since the epoch; undefined when there is no such name. */
  since(name: string): Promise<number | undefined>
  /** Makes all that the descriptor leads to durable, then the name. Nothing is written when the name says so already. */
  set(name: string, descriptor: Descriptor): Promise<void>
  /** False when there was no such name. */
  delete(name: string): Promise<boolean>
  /** Sorted by name. Files that are not of this format are left out. */
  list(): Promise<NamedDescriptor[]>
}

/** Held while names change or the index is made from them, so that the mark for a stale index is neither lost nor left. */
export const NAMES_LOCK = 'names'
/** Stands while index.json may not say what the names say. */
export const staleIndexPath = (root: string): string => `${root}/index.stale`

export function openNames(place: Place, blobs: Blobs, tocs: Tocs): Names {
  const path = (name: string) => `${place.root}/names/${fileNameOfName(name)}`
  return {
    get: async (name) => readNameFile(path(name))?.descriptor,
    since: async (name) => statSync(path(name), { throwIfNoEntry: false })?.mtimeMs,
    set: (name, descriptor) => setName(place, { blobs, tocs }, { path: path(name), name, descriptor }),
    delete: (name) => deleteName(place, path(name)),
    list: async () => listNames(place.root),
  }
}

async function setName(
  place: Place,
  { blobs, tocs }: { blobs: Blobs; tocs: Tocs },
  named: NamedDescriptor & { path: string },
): Promise<void> {
  const { path, name, descriptor } = named
  const bytes = Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify({ name, descriptor }))])
  if (readIfThere(path)?.equals(bytes)) return
  const { present } = await graphOf(blobs, descriptor)
  await blobs.sync(present.map(({ digest }) => digest))
  await tocs.sync(await diffIDsOf(blobs, present))
  await withKeyLock(place, NAMES_LOCK, async () => {
    markIndexStale(place.root)
    await writeWhole(place, path, bytes, true)
    await syncFolder(`${place.root}/names`)
  })
}

async function deleteName(place: Place, path: string): Promise<boolean> {
  if (readIfThere(path) === undefined) return false
  return withKeyLock(place, NAMES_LOCK, async () => {
    markIndexStale(place.root)
    try {
      writing(place.root, path, () => rmSync(path))
      return true
    } catch (error) {
      if (isErrno((error as { cause?: unknown }).cause, 'ENOENT')) return false
      throw error
    }
  })
}

export function markIndexStale(root: string): void {
  writing(root, staleIndexPath(root), () => closeSync(openSync(staleIndexPath(root), 'a', 0o600)))
}

export function listNames(root: string): NamedDescriptor[] {
  const names: NamedDescriptor[] = []
  for (const file of readdirSync(`${root}/names`)) {
    const named = readNameFile(`${root}/names/${file}`)
    if (named !== undefined) names.push(named)
  }
  return names.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** The name in a file; undefined for one that is not there, or not of this format. */
export function readNameFile(path: string): NamedDescriptor | undefined {
  const bytes = readIfThere(path)
  if (bytes === undefined || bytes[0] !== FORMAT) return undefined
  try {
    const value = JSON.parse(bytes.toString('utf8', 1))
    return { name: String(value.name), descriptor: parse(descriptorSchema, value.descriptor) }
  } catch {
    return undefined // damaged: as if it had never been written; `store check` reports it
  }
}

export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Any text as a file name: what is not plain is %XX, and what is too long (or nothing) is its hash (the file holds the name). */
export function fileNameOfName(name: string): string {
  const escaped = encodeURIComponent(name)
    .replace(/%3A/g, ':')
    .replace(/%40/g, '@')
    .replace(/^\./, '%2E')
    .replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return escaped !== '' && escaped.length <= MAX_FILE_NAME ? escaped : `%sha256-${hexOf(digestOf(name))}` // %sh is no escape, so no name escapes to this
}
