/** A place in a text that a user wrote: lines and columns count from 1, `endColumn` is exclusive. */
export interface SourceRange {
  readonly file: string
  readonly startLine: number
  readonly endLine: number
  readonly startColumn?: number
  readonly endColumn?: number
  /** What is meant of these lines, as written, where its columns are not known. */
  readonly word?: string
}

export interface ErrorDetails {
  /** What to do about it, one line. */
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** Where in the Dockerfile (or other text) the mistake is. */
  readonly at?: SourceRange | undefined
}

/** Codes are for programs and never change once released: `BLOB_MISMATCH`, `STORE_WRITE`, ... */
export type ErrorCode = Uppercase<string>

/** The one error a user may see. `message` is one line and holds the offending value; a plain `Error` is a bug of ours. */
export class TsbuildError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly at: SourceRange | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'TsbuildError'
    this.code = code
    this.hint = details.hint
    this.at = details.at
  }
}

/** True for a `TsbuildError` with this code; compares the code only, so it holds across bundles. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === code
}

/** True for an error of the operating system with this errno name (`ENOENT`, ...). */
export function isErrno(error: unknown, name: string): boolean {
  return hasCode(error, name as ErrorCode)
}
