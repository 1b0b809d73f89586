import { fileURLToPath } from 'node:url'
import { type Addon, openAddon } from '../../../native/addon.ts'

/** The real addon, from where the build leaves it; tests run from dist/. */
export function openTestNative(): Addon {
  return openAddon(fileURLToPath(new URL('../../../../native/build/Release/tsbuild_addon.node', import.meta.url)))
}
