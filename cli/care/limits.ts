import type { AllLimits } from '../../builder/care/choose.ts'
import { defaultLimits } from '../../builder/care/policy.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { parseBoolean } from '../booleans.ts'
import type { Context } from '../context.ts'
import { readSpace } from './sizes.ts'

const VARIABLES = {
  reserved: 'TSBUILD_GC_RESERVED_SPACE',
  maxUsed: 'TSBUILD_GC_MAX_USED_SPACE',
  minFree: 'TSBUILD_GC_MIN_FREE_SPACE',
} as const

/** Limits of the cache that builds keep to, for a disk of this size; undefined when TSBUILD_GC switches that off. Throws USAGE. */
export function gcLimits(env: Context['env'], diskBytes: number): AllLimits | undefined {
  const { TSBUILD_GC: text = '' } = env
  const isOn = text === '' || text === 'on' ? true : text === 'off' ? false : parseBoolean(text)
  if (isOn === undefined) throw new TsbuildError('USAGE', `TSBUILD_GC=${text} is not known`, { hint: 'on (default) or off' })
  const limits = defaultLimits(diskBytes)
  const { reserved, maxUsed, minFree } = VARIABLES
  const space = (name: string, usual: number) => (env[name] ? readSpace(env[name], name, diskBytes) : usual)
  const chosen = {
    reserved: space(reserved, limits.reserved),
    maxUsed: space(maxUsed, limits.maxUsed),
    minFree: space(minFree, limits.minFree),
  }
  return isOn ? chosen : undefined
}
