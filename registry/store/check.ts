import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { Descriptor } from '../oci/descriptor.ts'
import type { DiffID } from '../oci/digest.ts'
import { codecOf, isIndexType, isManifestType, isNondistributable } from '../oci/media-type.ts'
import { filesBelow } from './cache-files.ts'
import { type Check, type CheckOptions, checkBlobs, checkTocs, type Finding, isTsbuildError } from './check-content.ts'
import { graphOf } from './graph.ts'
import { readImage } from './image.ts'
import { indexOfNames, refreshIndex } from './layout.ts'
import { markIndexStale, readIfThere, readNameFile, staleIndexPath } from './names.ts'
import { isElsewhere } from './origins.ts'
import type { Store } from './store.ts'
import type { LayerFile } from './tocs.ts'

/** Proves the store sound: digests, names with all they lead to, tables of contents, records, index.json. An empty list is the proof. */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<Finding[]> {
  const findings: Finding[] = []
  const check: Check = {
    store,
    options,
    async note(code, message, mend) {
      const repaired = options.repair === true && mend !== undefined
      if (repaired) await mend()
      findings.push({ code, message, repaired })
    },
  }
  await checkBlobs(check)
  const layers = await checkNames(check)
  await checkTocs(check, layers)
  await checkRecords(check)
  await checkIndex(check)
  return findings
}

/** Gives the layers of all images that are whole, for the check of their tables of contents. */
async function checkNames(check: Check): Promise<Map<DiffID, LayerFile>> {
  const layers = new Map<DiffID, LayerFile>()
  for (const file of readdirSync(`${check.store.root}/names`)) {
    const path = `${check.store.root}/names/${file}`
    const named = readNameFile(path)
    if (named === undefined) await check.note('NAME_DAMAGED', `names/${file}: not readable`, () => rmSync(path))
    else await checkImage(check, named.name, named.descriptor, layers)
  }
  for (const diffID of check.store.layers.list()) {
    const descriptor = await check.store.layers.any(diffID)
    const codec = descriptor === undefined ? undefined : codecOf(descriptor.mediaType)
    if (descriptor !== undefined && codec !== undefined)
      layers.set(diffID, { diffID, path: check.store.blobs.path(descriptor.digest), codec })
  }
  return layers
}

async function checkImage(check: Check, name: string, root: Descriptor, layers: Map<DiffID, LayerFile>): Promise<void> {
  const { blobs } = check.store
  try {
    const { present, missing } = await graphOf(blobs, root)
    const bad = await firstLost(check.store, root, missing)
    if (bad !== undefined) await check.note('NAME_INCOMPLETE', `${name}: ${bad.digest} is not in the store`)
    for (const descriptor of present) {
      if (!isManifestType(descriptor.mediaType)) continue
      const image = await readImage(blobs, descriptor)
      for (const layer of image.layers) layers.set(layer.diffID, { ...layer, path: blobs.path(layer.descriptor.digest) })
    }
  } catch (error) {
    if (!isTsbuildError(error)) throw error
    if (error.code === 'IMAGE_UNSUPPORTED') return // an artifact has no layers to look into
    await check.note('NAME_INCOMPLETE', `${name}: ${error.message}`)
  }
}

/** An index may have platforms that were not pulled, and a layer that nothing here needed may still be in a registry; all else of a manifest must be here. */
async function firstLost({ origins }: Store, root: Descriptor, missing: readonly Descriptor[]): Promise<Descriptor | undefined> {
  for (const descriptor of missing) {
    const { mediaType } = descriptor
    if (descriptor === root) return descriptor
    if (isManifestType(mediaType) || isIndexType(mediaType) || isNondistributable(mediaType)) continue
    if (!(await isElsewhere(descriptor, origins))) return descriptor
  }
  return undefined
}

async function checkRecords(check: Check): Promise<void> {
  const { isRecord, recordFolders = [] } = check.options
  const { root } = check.store
  for (const folder of recordFolders) {
    for (const { path, name } of filesBelow(`${root}/cache/${folder}`)) {
      if (isRecord?.(folder, name, readFileSync(path)) === false)
        await check.note('RECORD_DAMAGED', `${path.slice(root.length + 1)}: not readable, or not what its name says`, () => rmSync(path))
    }
  }
}

async function checkIndex(check: Check): Promise<void> {
  const { store } = check
  if (existsSync(staleIndexPath(store.root))) return refreshIndex(store) // known to be behind: nobody was misled
  const want = indexOfNames(await store.names.list())
  if (readIfThere(`${store.root}/index.json`)?.equals(want)) return
  await check.note('INDEX_DAMAGED', 'index.json: does not say what the names say', () => {
    markIndexStale(store.root)
    return refreshIndex(store)
  })
}
