import { hasCode, type SourceRange } from '../../registry/oci/error.ts'
import type { RunInstruction } from '../dockerfile/instruction.ts'
import { type Mount, readMount } from '../dockerfile/mount.ts'

/** A secret, ssh socket or cache that a RUN mounts. */
export interface MountUse {
  readonly kind: 'secret' | 'ssh' | 'cache'
  readonly id: string
  /** The command is not run without it. */
  readonly required: boolean
  readonly at: SourceRange
}

/** What a RUN asks the caller for, by what `expand` makes of its variables. Throws what `expand` throws. */
export function mountUses({ flags }: RunInstruction, expand: (value: string, at: SourceRange) => string): MountUse[] {
  const mounts = flags.filter(({ name }) => name === 'mount')
  return mounts.flatMap(({ value = '', at }) => {
    const mount = readQuietly(value, at, (text) => expand(text, at))
    return mount === undefined ? [] : (useOf(mount, at) ?? [])
  })
}

/** Undefined where a variable that is not known makes a value that cannot be read. */
function readQuietly(value: string, at: SourceRange, expand: (value: string) => string): Mount | undefined {
  try {
    return readMount(value, at, expand)
  } catch (error) {
    if (hasCode(error, 'DOCKERFILE_SYNTAX') && value.includes('$')) return undefined
    throw error
  }
}

function useOf(mount: Mount, at: SourceRange): MountUse | undefined {
  if (mount.type === 'bind' || mount.type === 'tmpfs') return undefined
  const id = mount.id ?? (mount.type === 'ssh' ? 'default' : mount.type === 'cache' ? mount.target : mount.target?.split('/').at(-1))
  return id === undefined ? undefined : { kind: mount.type, id, required: mount.required ?? false, at }
}
