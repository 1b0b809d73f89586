import type { BaseConfigs } from '../builder/check/base-configs.ts'
import type { ImageConfig } from '../registry/oci/config.ts'
import type { Descriptor } from '../registry/oci/descriptor.ts'
import { hasCode } from '../registry/oci/error.ts'
import { asStep } from '../registry/oci/event.ts'
import type { Platform } from '../registry/oci/platform.ts'
import { formatReference, parseReference, withDefaultTag } from '../registry/oci/reference.ts'
import { readImage } from '../registry/store/image.ts'
import type { Context } from './context.ts'
import type { Workspace } from './wire.ts'

/** Configs of images that the store knows by name, or has anyway; others come from their registry, without layers and without a name. */
export function baseConfigs(workspace: () => Promise<Workspace>, { now, signal }: Context): BaseConfigs {
  return {
    async known({ reference, platform }) {
      const { store } = await workspace()
      const root = await store.names.get(formatReference(withDefaultTag(parseReference(reference))))
      return root === undefined ? undefined : configOf(root, platform, store)
    },
    async fetch({ reference, platform }) {
      const { store, client, emit } = await workspace()
      const from = withDefaultTag(parseReference(reference))
      const id = formatReference(from)
      return asStep({ id, name: `[internal] load metadata for ${id}`, emit, now }, async () => {
        const { pull } = await import('../registry/remote/pull.ts')
        const options = { platform, step: id, signal, withoutLayers: true }
        const { root } = await pull(from, options, { client: await client(), store, emit })
        return (await readImage(store.blobs, root, platform)).config
      })
    },
  }
}

async function configOf(root: Descriptor, platform: Platform, { blobs }: Workspace['store']): Promise<ImageConfig | undefined> {
  try {
    return (await readImage(blobs, root, platform)).config
  } catch (error) {
    if (hasCode(error, 'BLOB_MISSING') || hasCode(error, 'PLATFORM_MISSING')) return undefined
    throw error
  }
}
