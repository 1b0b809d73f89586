import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import { isErrno } from '../oci/error.ts'
import { codecOf } from '../oci/media-type.ts'
import { readIfThere } from './names.ts'
import { FORMAT, fileNameOf, type Place, writing } from './place.ts'

/** More than this are not kept for one blob. */
const MAX_ORIGINS = 32

export interface Origin {
  readonly registry: string
  readonly repository: string
}

/** Where a blob was seen, so that a push may ask a registry to mount it from there. A hint: it may be gone by now. */
export interface Origins {
  add(digest: Digest, registry: string, repository: string): Promise<void>
  /** The latest first. */
  of(digest: Digest): Promise<Origin[]>
  forget(digest: Digest): Promise<void>
}

/** A layer that was never fetched, since nothing here needed it: a registry is known to have it. */
export async function isElsewhere({ digest, mediaType }: Descriptor, origins: Pick<Origins, 'of'>): Promise<boolean> {
  return codecOf(mediaType) !== undefined && (await origins.of(digest)).length > 0
}

export function openOrigins(place: Place): Origins {
  return {
    add: async (digest, registry, repository) => addOrigin(place.root, digest, { registry, repository }),
    of: async (digest) => readOrigins(originsPath(place.root, digest)).reverse(),
    forget: async (digest) => rmSync(originsPath(place.root, digest), { force: true }),
  }
}

export function originsPath(root: string, digest: Digest): string {
  return `${root}/cache/origins/${hexOf(digest).slice(0, 2)}/${fileNameOf(digest)}`
}

/** Appends a line: one short write with O_APPEND is whole, so that two processes do not need a lock. */
function addOrigin(root: string, digest: Digest, origin: Origin): void {
  const path = originsPath(root, digest)
  const known = readOrigins(path)
  const isKnown = known.some((o) => o.registry === origin.registry && o.repository === origin.repository)
  if (isKnown || known.length >= MAX_ORIGINS) return
  const start = known.length === 0 ? String.fromCharCode(FORMAT) : ''
  writing(root, path, () => appendLine(path, `${start}${origin.registry} ${origin.repository}\n`))
}

function appendLine(path: string, line: string): void {
  try {
    appendFileSync(path, line, { mode: 0o600 })
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    appendFileSync(path, line, { mode: 0o600 })
  }
}

function readOrigins(path: string): Origin[] {
  const bytes = readIfThere(path)
  if (bytes === undefined || bytes[0] !== FORMAT) return []
  const origins: Origin[] = []
  for (const line of bytes.toString('utf8').split('\n')) {
    const [registry = '', repository] = line.replaceAll(String.fromCharCode(FORMAT), '').split(' ') // two first writers both begin the file
    if (repository !== undefined) origins.push({ registry, repository })
  }
  return origins
}
