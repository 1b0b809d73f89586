import { readdirSync, rmSync } from 'node:fs'
import { parse } from 'valibot'
import { type Descriptor, descriptorSchema } from '../oci/descriptor.ts'
import { asDiffID, type DiffID, isDigest } from '../oci/digest.ts'
import { isErrno } from '../oci/error.ts'
import type { Blobs } from './blobs.ts'
import { readIfThere } from './names.ts'
import { FORMAT, fileNameOf, type Place, writeWhole } from './place.ts'

/**
 * Which blobs hold a layer: `layers/<diffID>/<codec id>`. The codec id names what made the bytes, with its version (`gzip-libdeflate-1.14-2`),
 * because compressed bytes depend on it and keys must not. Blobs made elsewhere go under `foreign`. Hints: a blob that is gone is not found.
 */
export interface Layers {
  add(diffID: DiffID, codecID: string, descriptor: Descriptor): Promise<void>
  /** The blob made by exactly this codec. */
  find(diffID: DiffID, codecID: string): Promise<Descriptor | undefined>
  /** Any blob of this layer. */
  any(diffID: DiffID): Promise<Descriptor | undefined>
  /** All that is written down for it, whether the blobs are there or not. */
  all(diffID: DiffID): { codecID: string; descriptor: Descriptor }[]
  delete(diffID: DiffID): Promise<void>
  list(): DiffID[]
}

export const FOREIGN = 'foreign'

export function openLayers(place: Place, blobs: Blobs): Layers {
  const folder = (diffID: DiffID) => `${place.root}/layers/${fileNameOf(diffID)}`
  const path = (diffID: DiffID, codecID: string) => `${folder(diffID)}/${encodeURIComponent(codecID)}`
  const present = async (descriptor: Descriptor | undefined) =>
    descriptor !== undefined && (await blobs.stat(descriptor.digest))?.size === descriptor.size ? descriptor : undefined
  return {
    add: (diffID, codecID, descriptor) => addLayer(place, path(diffID, codecID), descriptor),
    find: (diffID, codecID) => present(readLayer(path(diffID, codecID))),
    async any(diffID) {
      for (const { descriptor } of allLayers(folder(diffID))) if ((await present(descriptor)) !== undefined) return descriptor
      return undefined
    },
    all: (diffID) => allLayers(folder(diffID)),
    delete: async (diffID) => rmSync(folder(diffID), { recursive: true, force: true }),
    list: () => readdirSync(`${place.root}/layers`).flatMap(diffIDOfFolder),
  }
}

async function addLayer(place: Place, path: string, { mediaType, digest, size }: Descriptor): Promise<void> {
  const bytes = Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify({ mediaType, digest, size }))])
  if (readIfThere(path)?.equals(bytes)) return
  await writeWhole(place, path, bytes)
}

function readLayer(path: string): Descriptor | undefined {
  const bytes = readIfThere(path)
  if (bytes === undefined || bytes[0] !== FORMAT) return undefined
  try {
    return parse(descriptorSchema, JSON.parse(bytes.toString('utf8', 1)))
  } catch {
    return undefined // lost in a power cut: a miss
  }
}

function allLayers(folder: string): { codecID: string; descriptor: Descriptor }[] {
  return namesIn(folder).flatMap((name) => {
    const descriptor = readLayer(`${folder}/${name}`)
    return descriptor === undefined ? [] : [{ codecID: decodeURIComponent(name), descriptor }]
  })
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}

function diffIDOfFolder(name: string): DiffID[] {
  const digest = name.replace('-', ':')
  return isDigest(digest) ? [asDiffID(digest)] : []
}
