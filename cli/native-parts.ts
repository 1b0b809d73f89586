import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TsbuildError } from '../registry/oci/error.ts'

/** Where the native core is: beside the program in a checkout, or in the package of this platform. */
export interface NativePaths {
  readonly addon: string
  readonly helper: string
}

/** Throws NATIVE_MISSING when the core was never built. */
export function nativePaths(): NativePaths {
  const folder = join(packageRoot(), 'native', 'build', 'Release')
  const paths = { addon: join(folder, 'tsbuild_addon.node'), helper: join(folder, 'tsbuild-sandbox') }
  if (existsSync(paths.helper)) return paths
  throw new TsbuildError('NATIVE_MISSING', `the native core is not there: ${paths.helper}`, { hint: 'run npm run setup in the checkout' })
}

/** The folder of our package.json, whether this file runs bundled or not. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) || folder.endsWith('/bundle')) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('no package.json above the program')
    folder = parent
  }
  return folder
}
