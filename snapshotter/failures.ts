import { constants } from 'node:os'
import { type NativeCause, nativeCauseOf } from '../native/failure.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import type { LayerBlob } from './snapshotter.ts'

/** By number: Node has no name for some of them (EBADMSG). */
const { EBADMSG, EFBIG, EOVERFLOW, EINVAL, ENAMETOOLONG, ENOTDIR, ELOOP, ENOENT, EXDEV, EISDIR, EPERM } = constants.errno

const RANGES_HINT =
  'give this user ranges that reach so far in /etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)'
const quoted = (path: string): string => JSON.stringify(path)

/** Why a layer could not be unpacked, said of the layer; anything that is not about its content is passed on as it is. */
export function unpackFailure(error: unknown, layer: LayerBlob): unknown {
  const cause = nativeCauseOf(error)
  switch (cause?.errno) {
    case EBADMSG:
    case EFBIG:
      return new TsbuildError('LAYER_INVALID', `layer ${layer.diffID}: ${cause.syscall} ${quoted(cause.path)}`, { cause })
    case EOVERFLOW:
      return new TsbuildError('LAYER_FOREIGN_OWNER', `layer ${layer.diffID}: owner of ${quoted(cause.path)} does not exist here`, {
        cause,
        hint: RANGES_HINT,
      })
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:
      return cause.path.startsWith('/') ? error : misplaced(cause, layer) // a path of this machine is not the layer's fault
    default:
      return error
  }
}

/** A file below what is no directory, or a hard link to what is not there: as the image sees it, a link leads nowhere. */
function misplaced(cause: NativeCause, { diffID }: LayerBlob): TsbuildError {
  const what = cause.syscall.includes(' ') ? cause.syscall : 'the way to it leads to no directory of the image'
  return new TsbuildError('LAYER_INVALID', `layer ${diffID}: no place for ${quoted(cause.path)}: ${what}`, { cause })
}

/** Why a step could not begin, said of what the Dockerfile asks for; anything else is passed on as it is. */
export function stepFailure(error: unknown): unknown {
  const cause = nativeCauseOf(error)
  const kind = /^(user|group) id is not mapped$/.exec(cause?.syscall ?? '')?.[1]
  if (cause !== undefined && kind !== undefined) {
    return new TsbuildError(
      'USER_UNMAPPED',
      `${kind} id ${cause.path} does not exist here: it is not among the ids that your user may use`,
      {
        cause,
        hint: RANGES_HINT,
      },
    )
  }
  if (cause !== undefined && (cause.syscall === 'mount target' || cause.syscall === 'mount source')) return mountFailure(cause)
  if (cause?.syscall === 'emulation') return emulationFailure(cause)
  if (cause?.syscall !== 'working directory') return error
  return new TsbuildError(
    'WORKDIR_INVALID',
    `cannot start in working directory ${quoted(cause.path)}: ${WORKDIR_REASONS[cause.errno] ?? `errno ${cause.errno}`}`,
    {
      cause,
      hint: 'name a directory with WORKDIR, or remove what is in its way in an earlier step',
    },
  )
}

function mountFailure(cause: NativeCause): TsbuildError {
  const isTarget = cause.syscall === 'mount target'
  const why = (isTarget ? TARGET_REASONS : SOURCE_REASONS)[cause.errno] ?? `errno ${cause.errno}`
  const message = `cannot mount ${isTarget ? 'at' : 'from'} ${quoted(cause.path)}: ${why}`
  return new TsbuildError('MOUNT_INVALID', message, { cause, hint: `change the ${isTarget ? 'target' : 'source'} of the --mount` })
}

function emulationFailure(cause: NativeCause): TsbuildError {
  if (cause.path !== 'binfmt_misc')
    return new TsbuildError('EMULATOR_INVALID', `${quoted(cause.path)} cannot be used as an emulator (${cause.code})`, {
      cause,
      hint: 'it has to be a program of this machine that everybody may read and execute; TSBUILD_QEMU_DIR names another folder',
    })
  return new TsbuildError('EMULATION_REFUSED', `this kernel lets no emulator be registered for one step (${cause.code})`, {
    cause,
    hint: 'that needs Linux 6.7 with CONFIG_BINFMT_MISC and a user namespace; else have root register one for the whole machine: apt-get install qemu-user-static binfmt-support',
  })
}

const TARGET_REASONS: Readonly<Record<number, string>> = {
  [ENOTDIR]: 'a file is in the way of a directory',
  [EISDIR]: 'a directory is there, and what is mounted is a file',
  [EPERM]: 'nothing can be mounted inside /proc and /sys',
  [ELOOP]: 'its symbolic links lead round in circles, or to an open file of a process',
}

const SOURCE_REASONS: Readonly<Record<number, string>> = {
  [ENOENT]: 'there is no such path',
  [ENOTDIR]: 'a file that is no directory is on the way to it',
  [ELOOP]: 'its symbolic links lead round in circles',
}

const WORKDIR_REASONS: Readonly<Record<number, string>> = {
  [ENOTDIR]: 'a file that is no directory is there or on the way to it',
  [ELOOP]: 'its symbolic links lead round in circles, or to an open file of a process',
  [ENOENT]: 'it does not exist, and nothing can be made below /proc, /sys and /dev',
  [EXDEV]: 'it leads out of the image',
  [ENAMETOOLONG]: 'the name is too long',
}

/** Why the changes of a step could not become a layer. */
export function sealFailure(error: unknown): unknown {
  const cause = nativeCauseOf(error)
  if (cause?.errno === EINVAL && cause.syscall === 'name of a whiteout') {
    return new TsbuildError('LAYER_NAME', `no layer can hold a file named ${quoted(cause.path)}`, {
      cause,
      hint: 'names that begin with .wh. mean deleted files in a layer (image-spec, layer.md); remove the file in the same step',
    })
  }
  if (cause?.errno === ENAMETOOLONG) {
    return new TsbuildError('LAYER_NAME', `no layer can hold a path of more than 4095 bytes: ${quoted(cause.path.slice(0, 80))}...`, {
      cause,
      hint: 'remove the directories in the same step',
    })
  }
  return error
}

export function tooManyLayers(count: number, most: number): TsbuildError {
  return new TsbuildError('LAYERS_TOO_MANY', `${count} layers that change files cannot be stacked: overlayfs takes ${most}`, {
    hint: 'join steps, or start from an image with fewer layers',
  })
}
