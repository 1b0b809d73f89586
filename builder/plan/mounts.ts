import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import type { RunInstruction } from '../dockerfile/instruction.ts'
import { type Mount, readMount } from '../dockerfile/mount.ts'
import type { RunMount } from './graph.ts'

/** Where `planMounts` finds what the mounts of one RUN need. */
export interface MountSurroundings {
  readonly expand: (value: string, at: SourceRange) => string
  /** Absolute, of the stage at this point. */
  readonly workingDir: string
  /** Goes before the ids of caches: build argument BUILDKIT_CACHE_MOUNT_NS. */
  readonly cacheNamespace: string
  /** The position among the step's inputs of what `from` names; without `from`, of the build context's `source`, and then the part of it to show. */
  readonly inputOf: (from: string | undefined, source: string, at: SourceRange) => { readonly input: number; readonly source: string }
}

/** What the helper takes (step-mounts.h), less one for the script of a heredoc. */
const MAX_MOUNTS = 199

/** The mounts of a RUN with every variable expanded. Throws DOCKERFILE_SYNTAX for what BuildKit refuses: no target, the root as target. */
export function planMounts(instruction: RunInstruction, around: MountSurroundings): RunMount[] {
  const flags = instruction.flags.filter(({ name }) => name === 'mount')
  const [beyond] = flags.slice(MAX_MOUNTS)
  if (beyond !== undefined)
    throw broken(`${flags.length} mounts are more than one RUN may have (${MAX_MOUNTS})`, beyond.at, 'use several steps')
  return flags.map(({ value = '', at }) =>
    planMount(
      readMount(value, at, (text) => around.expand(text, at)),
      at,
      around,
    ),
  )
}

function planMount(mount: Mount, at: SourceRange, around: MountSurroundings): RunMount {
  switch (mount.type) {
    case 'bind': {
      const found = around.inputOf(mount.from, sourceOf(mount), at)
      return { kind: 'bind', target: targetOf(mount, at, around), readOnly: mount.readOnly ?? true, ...found }
    }
    case 'cache': {
      const target = targetOf(mount, at, around)
      const seed = mount.from === undefined ? undefined : around.inputOf(mount.from, '', at).input
      const id = `${around.cacheNamespace}/${mount.id ?? cleanPath(mount.target ?? '')}`
      const { sharing = 'shared', mode = 0o755, uid = 0, gid = 0, readOnly = false } = mount
      return { kind: 'cache', target, readOnly, id, sharing, seed, source: sourceOf(mount), mode, uid, gid }
    }
    case 'tmpfs':
      return { kind: 'tmpfs', target: targetOf(mount, at, around), readOnly: mount.readOnly ?? false, size: mount.size ?? 0 }
    case 'secret':
      return secretMount(mount, at, around)
    case 'ssh': {
      const { mode = 0o600, uid = 0, gid = 0, required = false } = mount
      const id = mount.id ?? (mount.source || 'default')
      const target = mount.target === undefined ? undefined : targetOf(mount, at, around)
      return { kind: 'ssh', target, readOnly: false, id, mode, uid, gid, required, at }
    }
  }
}

/** The file is called after the id, or the id after the file. With a variable and no target there is no file. */
function secretMount(mount: Mount, at: SourceRange, around: MountSurroundings): RunMount {
  const { mode = 0o400, uid = 0, gid = 0, required = false, env } = mount
  const id = mount.id ?? (mount.source || (mount.target ?? '').split('/').pop())
  if (!id) throw broken('a secret needs an id or a target', at, 'write --mount=type=secret,id=NAME')
  const isFile = mount.target !== undefined || env === undefined
  const name = id.split('/').pop() ?? id
  const target = isFile ? targetOf({ ...mount, target: mount.target ?? `/run/secrets/${name}` }, at, around) : undefined
  return { kind: 'secret', target, readOnly: true, id, env, mode, uid, gid, required, at }
}

function sourceOf({ source = '' }: Mount): string {
  return cleanPath(`/${source}`).slice(1)
}

function targetOf({ target = '' }: Mount, at: SourceRange, { workingDir }: MountSurroundings): string {
  const path = cleanPath(target.startsWith('/') ? target : `${workingDir}/${target}`)
  if (path === '/') throw broken('invalid mount target "/"', at, 'name a directory below it')
  return path
}

function broken(message: string, at: SourceRange, hint: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { at, hint })
}
