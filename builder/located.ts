import { type SourceRange, TsbuildError } from '../registry/oci/error.ts'

/** The place of `word`, as written, in lines whose columns are not known. */
export function wordIn(at: SourceRange, word: string): SourceRange {
  return at.startColumn === undefined ? { ...at, word } : at
}

/** An error that happened because of an instruction points at it, unless it knows a better place. */
export function located(error: unknown, at: SourceRange): unknown {
  if (!(error instanceof TsbuildError) || error.at !== undefined) return error
  return new TsbuildError(error.code, error.message, { hint: error.hint, cause: error.cause, at })
}
