import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Compression } from '../builder/deps.ts'
import { type Addon, openAddon } from '../native/addon.ts'
import { type Helper, type Ids, startHelper } from '../native/helper.ts'
import type { NativeOps } from '../native/ops.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'

/** The native core of this installation. */
export interface NativeCore {
  readonly native: NativeOps
  readonly compression: Compression
  /** `addon (gzip: libdeflate 1.14, ...)`: what does the work, for people. */
  readonly description: string
  startHelper(): Promise<Helper>
}

/**
 * Opens the addon; without one, or with TSBUILD_NATIVE=helper, the helper in plain mode does the same, slower to start. TSBUILD_NATIVE=require makes a
 * missing addon an error. TSBUILD_IDS says where the ids of the helper come from (auto, own, ranges, single). Throws NATIVE_MISSING.
 */
export async function openNative({ env, version }: Pick<Context, 'env' | 'version'>): Promise<NativeCore> {
  const paths = nativePaths()
  const start = () => startHelper({ path: paths.helper, version, ids: idsOf(env.TSBUILD_IDS) })
  const addon = env.TSBUILD_NATIVE === 'helper' ? undefined : loadAddon(paths.addon, env.TSBUILD_NATIVE === 'require')
  if (addon !== undefined)
    return { native: addon, compression: compressionOf(addon.codecs), description: `addon (${addon.codecs})`, startHelper: start }
  const { openPlainHelper } = await import('../native/plain-helper.ts')
  const codecs = execFileSync(paths.helper, ['--version'], { encoding: 'utf8' }).trim()
  const native = await openPlainHelper({ path: paths.helper, version })
  return { native, compression: compressionOf(codecs), description: `helper (${codecs})`, startHelper: start }
}

function loadAddon(path: string, isRequired: boolean): Addon | undefined {
  try {
    return openAddon(path)
  } catch (cause) {
    if (isRequired || existsSync(path))
      throw new TsbuildError('NATIVE_MISSING', `cannot load ${path}`, { cause, hint: 'run npm run setup in the checkout' })
    return undefined
  }
}

/** The bytes of a layer depend on the compressor and its version: `gzip: libdeflate 1.14, zlib 1.2.13; zstd: 1.5.4` -> `gzip-libdeflate-1.14`. */
function compressionOf(codecs: string): Compression {
  const compressor = /gzip: ([^,;]+)/.exec(codecs)?.[1] ?? 'unknown'
  return { codec: 'gzip', level: 0, id: `gzip-${compressor.replaceAll(' ', '-')}` }
}

function idsOf(text: string | undefined): Ids {
  if (text === undefined || text === '') return 'auto'
  if (text === 'auto' || text === 'own' || text === 'ranges' || text === 'single') return text
  throw new TsbuildError('USAGE', `TSBUILD_IDS=${text} is not known`, { hint: 'auto, own, ranges or single' })
}

function nativePaths(): { readonly addon: string; readonly helper: string } {
  const folder = join(packageRoot(), 'native', 'build', 'Release')
  const paths = { addon: join(folder, 'tsbuild_addon.node'), helper: join(folder, 'tsbuild-sandbox') }
  if (existsSync(paths.helper)) return paths
  throw new TsbuildError('NATIVE_MISSING', `the native core is not there: ${paths.helper}`, { hint: 'run npm run setup in the checkout' })
}

/** The folder of our package.json: this file runs from dist/cli or from dist/bundle. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package-lock.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}
