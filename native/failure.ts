import { getSystemErrorMap } from 'node:util'
import { TsbuildError } from '../registry/oci/error.ts'
import { type Bytes, type Reader, textOfBytes } from './wire.ts'

/** Why a native call failed: `code` is the errno name (`ENOENT`), '' when `syscall` says it all. Shaped like an error of node:fs. */
export class NativeCause extends Error {
  readonly errno: number
  readonly code: string
  readonly syscall: string
  readonly path: string

  constructor(errno: number, syscall: string, path: string) {
    const code = nameOf(errno)
    super(code === '' ? syscall : `${code}: ${syscall}`)
    this.errno = errno
    this.code = code
    this.syscall = syscall
    this.path = path
  }
}

/**
 * The error of a failed native call: NATIVE_FAILURE with a `NativeCause`. `call` is the system call, or words for what was wrong; `path` may be ''.
 * `cannot read src/a.txt: ENOENT (openat2)`.
 */
export function failureFrom(errno: number, call: Bytes, path: Bytes): TsbuildError {
  const cause = new NativeCause(errno, textOfBytes(call), textOfBytes(path))
  return new TsbuildError('NATIVE_FAILURE', messageOf(cause), { cause, hint: hintOf(cause) })
}

/** The body of a FAILURE frame: i32 errno, bytes call, bytes path. */
export function readFailure(r: Reader): TsbuildError {
  const errno = r.i32()
  const call = r.bytes()
  return failureFrom(errno, call, r.bytes())
}

/** The facts behind a NATIVE_FAILURE; undefined for any other error. */
export function nativeCauseOf(error: unknown): NativeCause | undefined {
  const cause = error instanceof TsbuildError ? error.cause : undefined
  return cause instanceof NativeCause ? cause : undefined
}

/** True when the bytes of a layer are to blame (a hostile or damaged archive), not this machine. */
export function isBadLayer(error: unknown): boolean {
  const code = nativeCauseOf(error)?.code
  return code === 'EBADMSG' || code === 'EFBIG'
}

function nameOf(errno: number): string {
  return errno === 0 ? '' : (getSystemErrorMap().get(-errno)?.[0] ?? LATER_NAMES[errno] ?? `errno ${errno}`)
}
/** Linux names that libuv does not know. */
const LATER_NAMES: Record<number, string> = {
  8: 'ENOEXEC',
  38: 'ENOSYS',
  40: 'ELOOP',
  61: 'ENODATA',
  74: 'EBADMSG',
  75: 'EOVERFLOW',
  79: 'ELIBACC',
  80: 'ELIBBAD',
  116: 'ESTALE',
  125: 'ECANCELED',
  122: 'EDQUOT',
}

const VERBS: Record<string, string> = {
  openat2: 'read',
  open: 'open',
  openat: 'make',
  read: 'read',
  pread: 'read',
  write: 'write',
  pwrite: 'write',
  flock: 'lock',
  posix_spawn: 'start',
  execve: 'run',
  fstat: 'read',
  fstatat: 'read',
  getdents64: 'list',
  mkdirat: 'make',
  unlinkat: 'remove',
}

function messageOf(cause: NativeCause): string {
  const path = JSON.stringify(cause.path).slice(1, -1)
  // Words, not a system call: the path and what is wrong with it.
  if (cause.code === '' || /[ :]/.test(cause.syscall)) {
    const code = cause.code === '' || cause.code === 'EBADMSG' ? '' : ` (${cause.code})`
    const where = cause.code === 'EBADMSG' ? `invalid layer${path === '' ? '' : ` at ${path}`}` : path
    return where === '' ? `${cause.syscall}${code}` : `${where}: ${cause.syscall}${code}`
  }
  const subject = path === '' ? '' : ` ${path}`
  return `cannot ${VERBS[cause.syscall] ?? 'process'}${subject}: ${cause.code} (${cause.syscall})`
}

const CODEC_PACKAGES: Readonly<Record<string, string>> = { zstd: 'libzstd-dev', bzip2: 'libbz2-dev', xz: 'liblzma-dev' }

/** For "zstd is not built in". */
function packageHint(call: string): string | undefined {
  const name = CODEC_PACKAGES[call.split(' ', 1)[0] ?? '']
  return name === undefined ? undefined : `install ${name} and run: npm run native`
}

function hintOf(cause: NativeCause): string | undefined {
  switch (cause.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'free some space on that disk, or put the store elsewhere with TSBUILD_ROOT'
    case 'EACCES':
    case 'EPERM':
      return 'the user who runs tsbuild has no permission for it'
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return packageHint(cause.syscall)
    case 'EOVERFLOW':
      return 'give the user a range of ids in /etc/subuid and /etc/subgid'
    case 'EMFILE':
    case 'ENFILE':
      return 'raise the limit on open files (ulimit -n)'
    default:
      return cause.syscall.startsWith('changed') ? 'let the files rest while they are read, and run it again' : undefined
  }
}
