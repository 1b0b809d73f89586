import { readSize } from '../../builder/dockerfile/mount.ts'
import { TsbuildError } from '../../registry/oci/error.ts'

/** `10GB`, `512m`, or `80%` of the disk. Throws USAGE; `name` is the flag or variable it was given to. */
export function readSpace(text: string, name: string, diskBytes: number): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]
  const bytes =
    percent === undefined ? readSize(text) : Number(percent) <= 100 ? Math.floor((diskBytes * Number(percent)) / 100) : undefined
  if (bytes !== undefined) return bytes
  throw new TsbuildError('USAGE', `${name}=${text} is no size`, { hint: 'write bytes, 512m, 10GB, or 80% of the disk' })
}
