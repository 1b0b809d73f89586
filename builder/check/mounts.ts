import type { SourceRange } from '../../registry/oci/error.ts'
import type { Instruction } from '../dockerfile/instruction.ts'
import { type Mount, readMount } from '../dockerfile/mount.ts'

/** A secret, ssh socket or cache that a RUN mounts, as it is written: variables are not expanded. */
export interface MountUse {
  readonly kind: 'secret' | 'ssh' | 'cache'
  readonly id: string
  /** The command is not run without it. */
  readonly required: boolean
  readonly at: SourceRange
}

/** What the RUNs of a stage ask the caller for. Throws DOCKERFILE_SYNTAX for a mount that cannot be read. */
export function mountUses(instructions: readonly Instruction[]): MountUse[] {
  return instructions.flatMap((run) => {
    if (run.kind !== 'run') return []
    const flags = run.flags.filter(({ name }) => name === 'mount')
    return flags.flatMap(({ value = '', at }) => useOf(readMount(value, at), at) ?? [])
  })
}

function useOf(mount: Mount, at: SourceRange): MountUse | undefined {
  if (mount.type === 'bind' || mount.type === 'tmpfs') return undefined
  const id = mount.id ?? (mount.type === 'ssh' ? 'default' : mount.type === 'cache' ? mount.target : mount.target?.split('/').at(-1))
  return id === undefined ? undefined : { kind: mount.type, id, required: mount.required ?? false, at }
}
