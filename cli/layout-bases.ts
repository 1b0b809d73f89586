import type { Bases } from '../builder/deps.ts'
import { LAYOUT } from '../builder/plan/platforms.ts'
import { isDigest } from '../registry/oci/digest.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { formatPlatform } from '../registry/oci/platform.ts'
import { imageInStore } from './bases.ts'
import type { Workspace } from './wire.ts'

/** `bases`, and besides images out of layout folders: `oci-layout://FOLDER[:TAG][@DIGEST]`. */
export function withLayouts({ store }: Workspace, bases: Bases): Bases {
  return {
    async resolve(reference, platform, options) {
      if (!reference.startsWith(LAYOUT)) return bases.resolve(reference, platform, options)
      const { folder, name } = readLayout(reference)
      const { importLayout } = await import('../registry/store/layout-copy.ts')
      const { openLayout } = await import('../registry/store/layout.ts')
      const root = await importLayout(store, openLayout(folder), { name, platform, signal: options.signal })
      const image = await imageInStore(store, reference, root, { platform })
      if (image !== undefined) return image
      throw new TsbuildError('PLATFORM_MISSING', `${reference} has no image for ${formatPlatform(platform)}`, {
        hint: 'build for the platform that it is for',
      })
    },
  }
}

/** The folder, and the name in it or digest of a manifest. A tag cannot hold a slash, so a colon before one is of the path. */
export function readLayout(reference: string): { readonly folder: string; readonly name: string | undefined } {
  const text = reference.slice(LAYOUT.length)
  const at = text.lastIndexOf('@')
  if (at >= 0 && isDigest(text.slice(at + 1)))
    return { folder: readLayout(`${LAYOUT}${text.slice(0, at)}`).folder, name: text.slice(at + 1) }
  const [, folder = text, name] = /^(.+):([^/:]+)$/.exec(text) ?? []
  return { folder, name }
}
