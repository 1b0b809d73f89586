import type { BaseImage, Bases } from '../builder/deps.ts'
import type { Descriptor } from '../registry/oci/descriptor.ts'
import { hasCode, TsbuildError } from '../registry/oci/error.ts'
import { asStep, type Emit } from '../registry/oci/event.ts'
import { isIndexType, isManifestType } from '../registry/oci/media-type.ts'
import { formatPlatform, type Platform, platformOf, rankPlatform } from '../registry/oci/platform.ts'
import { formatReference, parseReference, type Reference, withDefaultTag } from '../registry/oci/reference.ts'
import type { RegistryClient } from '../registry/remote/client.ts'
import { readImage } from '../registry/store/image.ts'
import { refreshIndex } from '../registry/store/layout.ts'
import type { Store } from '../registry/store/store.ts'

interface Sources {
  readonly store: Store
  readonly client: () => Promise<RegistryClient>
  readonly emit: Emit
  readonly now: () => number
}

const DAY_MS = 86_400_000

/**
 * Base images by name: what the store knows under it, else what its registry has, which is then remembered: a tag is resolved once, and again only with
 * `pull: 'always'`. An image given by digest is never asked for twice.
 */
export function localBases({ store, client, emit, now }: Sources): Bases {
  return {
    async resolve(text, platform, { pull, isLazy, isOneOfSeveral = false, signal }) {
      const reference = withDefaultTag(parseReference(text))
      const name = formatReference(reference)
      const isAsked = (pull === 'always' || pull === 'newer') && reference.digest === undefined
      const known = pull === 'always' && isAsked ? undefined : await store.names.get(name)
      const local = known === undefined ? undefined : await imageInStore(store, text, known, { platform })
      if (local !== undefined && !isAsked) {
        await noteAge(name)
        return local
      }
      if (pull === 'never') throw new TsbuildError('IMAGE_NOT_FOUND', `${text} is not in the store, and --pull=never forbids to fetch it`)
      const root = await fetchPinned(isAsked ? undefined : known).catch((cause: unknown) => {
        signal.throwIfAborted()
        if (local !== undefined && cause instanceof TsbuildError) {
          emit({
            kind: 'warning',
            code: 'BaseNotAsked',
            message: `FROM ${text}: as it is here, since its registry did not answer: ${cause.message}`,
          })
          return undefined
        }
        throw known === undefined || pull === 'always' ? cause : wrongPlatform(text, platform, cause)
      })
      if (root === undefined) return local as BaseImage
      // An image that its registry has for one platform only is taken, as BuildKit does: InvalidBaseImagePlatform tells.
      const image = await imageInStore(store, text, root, { platform, isOnlyOne: isManifestType(root.mediaType) })
      if (image === undefined) throw new TsbuildError('IMAGE_NOT_FOUND', `${text} was fetched but has no image for this platform`)
      return image

      /** Says how old a pin is, once that may matter. */
      async function noteAge(pinned: string): Promise<void> {
        const since = reference.digest === undefined ? await store.names.since(pinned) : undefined
        const days = since === undefined ? 0 : Math.floor((now() - since) / DAY_MS)
        if (days > 0)
          emit({ kind: 'note', message: `FROM ${text}: as it was ${days} day${days === 1 ? '' : 's'} ago; --pull asks its registry` })
      }

      /** A further platform of an index that is here comes from that index, not from what its tag stands for by now, while its registry has it. */
      async function fetchPinned(index: Descriptor | undefined): Promise<Descriptor> {
        if (index === undefined || reference.digest !== undefined || !isIndexType(index.mediaType)) return fetch(reference)
        return fetch({ ...reference, digest: index.digest }).catch((error: unknown) => {
          if (!hasCode(error, 'NOT_FOUND')) throw error
          return fetch(reference)
        })
      }

      function fetch(from: Reference): Promise<Descriptor> {
        const prefix = isOneOfSeveral ? `${formatPlatform(platform)} ` : ''
        const step = `${prefix}${name}`
        return asStep({ id: step, name: `[${prefix}internal] pull ${name}`, emit, now }, async () => {
          const { pull: pullImage } = await import('../registry/remote/pull.ts')
          const pulled = await pullImage(from, { platform, step, signal, withoutLayers: isLazy }, { client: await client(), store, emit })
          if (isLazy) {
            const { layers } = await readImage(store.blobs, pulled.root, platform)
            for (const { descriptor } of layers) await store.origins.add(descriptor.digest, from.registry, from.repository)
          } else {
            await store.names.set(name, pulled.root)
            await refreshIndex(store)
          }
          return pulled.root
        })
      }
    },
  }
}

/** Undefined when it is an index whose image for this platform is not here. Layers may be in a registry that is known. */
export async function imageInStore(
  store: Store,
  asked: string,
  root: Descriptor,
  { platform, isOnlyOne = false }: { readonly platform: Platform; readonly isOnlyOne?: boolean },
): Promise<BaseImage | undefined> {
  try {
    const image = await readImage(store.blobs, root, platform)
    const reachable = await Promise.all(image.layers.map(({ descriptor }) => canBeHad(descriptor, store)))
    if (reachable.includes(false) || (!isOnlyOne && rankPlatform(platform, platformOf(image.config)) === 0)) return undefined
    const layers = image.layers.map((layer) => ({ diffID: layer.diffID, blob: layer.descriptor }))
    return { reference: asked, manifest: image.descriptor.digest, config: image.config, layers }
  } catch (error) {
    if (error instanceof TsbuildError && (error.code === 'BLOB_MISSING' || error.code === 'PLATFORM_MISSING')) return undefined
    throw error
  }
}

async function canBeHad({ digest }: Descriptor, { blobs, origins }: Store): Promise<boolean> {
  return (await blobs.stat(digest)) !== undefined || (await origins.of(digest)).length > 0
}

function wrongPlatform(reference: string, platform: Platform, cause: unknown): TsbuildError {
  const hint = 'its registry was asked for one, too: build for the platform that is here, or pull it from where it is'
  return new TsbuildError('PLATFORM_MISSING', `${reference} is in the store, but not for ${formatPlatform(platform)}`, { hint, cause })
}
