import type { OpenedContext } from '../builder/sources/context.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { asStep } from '../registry/oci/event.ts'
import type { Context } from './context.ts'
import type { ContextPlace } from './context-place.ts'
import type { Workspace } from './wire.ts'

export interface OtherContextOptions {
  /** How messages call it; also the name of its step. */
  readonly label: string
  readonly keepGitDir: boolean | undefined
}

/** Opens a context that is no folder: a tar, a URL, a repository. */
export async function openElsewhere(
  place: Exclude<ContextPlace, { kind: 'folder' }>,
  { label, keepGitDir }: OtherContextOptions,
  { buildDeps, emit }: Workspace,
  { stdin, signal, now }: Context,
): Promise<OpenedContext> {
  const { fileContext, gitContext, httpContext, streamContext } = await import('../builder/sources/context.ts')
  const options = { label, signal }
  const step = (from: string, work: () => Promise<OpenedContext>) =>
    asStep({ id: label, name: `[internal] load ${label.replace(/^the /, '')} from ${withoutUser(from)}`, emit, now }, work)
  switch (place.kind) {
    case 'stdin':
      if (stdin.isTTY)
        throw new TsbuildError('USAGE', 'standard input is a terminal', {
          hint: 'tar c . | tsbuild build -, or tsbuild build - < Dockerfile',
        })
      return step('standard input', () => streamContext(stdin, options, buildDeps))
    case 'tar':
      return fileContext(place.path, options, buildDeps)
    case 'http':
      return step(place.url, () => httpContext(place.url, options, buildDeps))
    case 'git':
      return step(place.url, () => gitContext(place.url, { ...options, keepGitDir }, buildDeps))
  }
}

/** A URL may hold a password. */
export function withoutUser(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/i, '$1')
}
