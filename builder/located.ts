import { type SourceRange, TsbuildError } from '../registry/oci/error.ts'

/** An error that happened because of an instruction points at it, unless it knows a better place. */
export function located(error: unknown, at: SourceRange): unknown {
  if (!(error instanceof TsbuildError) || error.at !== undefined) return error
  return new TsbuildError(error.code, error.message, { hint: error.hint, cause: error.cause, at })
}
