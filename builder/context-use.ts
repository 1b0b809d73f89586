import type { Bytes } from '../native/wire.ts'
import { hasCode, type SourceRange, type TsbuildError } from '../registry/oci/error.ts'
import type { Platform } from '../registry/oci/platform.ts'
import { parentOf } from '../registry/store/resolve-path.ts'
import type { BaseImage } from './deps.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import { remoteSource } from './dockerfile/sources.ts'
import type { NamedContexts } from './plan/named-contexts.ts'
import { planOf, type ResolveImages } from './prepare.ts'
import type { SourceTree } from './sources/tree.ts'
import { select } from './steps/select.ts'

export interface ContextUseRequest {
  readonly dockerfile: { readonly bytes: Uint8Array; readonly file: string }
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly contexts: NamedContexts
  readonly platforms: readonly Platform[]
  readonly buildPlatform: Platform
}

export interface ContextUse {
  /** With the directories above. */
  readonly paths: ReadonlySet<Bytes>
  /** Sources that are not there. */
  readonly missing: readonly { readonly at: SourceRange; readonly message: string; readonly hint: string | undefined }[]
}

/**
 * What of the context the stages that the target needs would use. No image is looked at, so variables of a base image are empty here, and triggers that it
 * may have are not known.
 */
export async function contextUse(request: ContextUseRequest, tree: SourceTree): Promise<ContextUse> {
  const parsed = parseDockerfile(request.dockerfile.bytes, request.dockerfile.file)
  const resolve: ResolveImages = async (wanted) =>
    new Map([...wanted].map(([key, { reference, platform }]) => [key, unseen(reference, platform)]))
  const settings = { ...request, network: 'none', resources: { shmSize: 0, limits: [] } } as const
  const { operations } = await planOf(parsed, settings, { resolve, found: [], dates: undefined })
  const paths = new Set<Bytes>()
  const missing: ContextUse['missing'][number][] = []
  const seen = withLinks(tree, (path) => paths.add(path))
  for (const operation of operations) {
    if (operation.kind !== 'copy' || operation.from !== 'context') continue
    for (const source of operation.sources) {
      if (operation.add && remoteSource(source) !== undefined) continue
      try {
        for (const { entry, below } of await select(seen, [source], operation)) for (const { path } of [entry, ...below]) paths.add(path)
      } catch (error) {
        if (!hasCode(error, 'COPY_SOURCE_MISSING')) throw error
        const { message, hint } = error as TsbuildError
        missing.push({ at: operation.at, message, hint })
      }
    }
  }
  for (const path of [...paths]) for (let dir = parentOf(path); dir !== ''; dir = parentOf(dir)) paths.add(dir)
  return { paths, missing }
}

/** Tells about the links on the way to a source: they are needed, too. */
function withLinks(tree: SourceTree, found: (path: Bytes) => void): SourceTree {
  const at = async (path: Bytes) => {
    const entry = await tree.at(path)
    if (entry?.type === 'symlink') found(path)
    return entry
  }
  return {
    label: tree.label,
    roots: tree.roots,
    blobs: tree.blobs,
    at,
    children: (path) => tree.children(path),
    below: (path) => tree.below(path),
    digests: (entries) => tree.digests(entries),
    content: (entry) => tree.content(entry),
    archiveFile: (entry, signal) => tree.archiveFile(entry, signal),
    explainMissing: (path) => tree.explainMissing(path),
  }
}

function unseen(reference: string, { os, architecture }: Platform): BaseImage {
  return {
    reference,
    manifest: '' as BaseImage['manifest'],
    config: { os, architecture, rootfs: { type: 'layers', diff_ids: [] } },
    layers: [],
  }
}
