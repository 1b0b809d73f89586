import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'

/** DOCKERFILE_UNSUPPORTED: `what` is not supported yet. Also for what only shows later: an archive in ADD, a trigger in a base image. */
export function unsupported(what: string, at: SourceRange, hint?: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_UNSUPPORTED', `${what} is not supported yet`, {
    at,
    hint: hint ?? 'README.md lists what is supported',
  })
}
