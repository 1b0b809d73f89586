import { getSystemErrorMap } from 'node:util'
import { TsbuildError } from '../registry/oci/error.ts'
import { type Bytes, textOfBytes } from './wire.ts'

/** What the native code says went wrong, in the shape of Node's own system errors. `errno` is positive, or 0 when `syscall` says it all. */
export interface NativeCause extends Error {
  readonly code: string
  readonly errno: number
  readonly syscall: string
  readonly path: string
}

// Those that Node's map does not have: errno(3), and what execve(2) means by them.
const MORE_ERRORS: ReadonlyMap<number, readonly [string, string]> = new Map([
  [8, ['ENOEXEC', 'not a program for this machine']],
  [79, ['ELIBACC', 'its interpreter or loader does not exist']],
  [125, ['ECANCELED', 'operation canceled']],
])

/** The error NATIVE_FAILURE for an errno (0 for none), a call and a path; its cause is a NativeCause, so `isErrno(error.cause, 'ENOENT')` works. */
export function failureFrom(errno: number, call: string, path: Bytes): TsbuildError {
  const [code, reason] =
    errno === 0 ? ['NATIVE', ''] : (getSystemErrorMap().get(-errno) ?? MORE_ERRORS.get(errno) ?? [`ERRNO_${errno}`, `errno ${errno}`])
  const text = textOfBytes(path)
  const what = text === '' ? call : `${call} ${text}`
  const message = reason === '' ? what : `${what}: ${reason}`
  const cause: NativeCause = Object.assign(new Error(message), { code, errno, syscall: call, path: text })
  return new TsbuildError('NATIVE_FAILURE', message, { cause })
}
