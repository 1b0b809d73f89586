import type { SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { formatPlatform, type Platform } from '../../registry/oci/platform.ts'
import { unsupported } from '../dockerfile/unsupported.ts'
import type { Operation } from './graph.ts'
import { canExecute } from './platforms.ts'

/** Throws DOCKERFILE_UNSUPPORTED at what this machine cannot do of a plan: a RUN for another platform, and of an image for Windows all but plain copies. */
export function checkRunnable(operations: readonly Operation[], machine: Platform): void {
  for (const operation of operations) {
    const { kind, platform, at } = operation
    if (kind === 'run' && !canExecute(platform, machine)) throw foreignRun(platform, machine, at)
    const what = platform.os === 'windows' ? onlyOnWindows(operation) : undefined
    if (what !== undefined)
      throw unsupported(`${what} for ${formatPlatform(platform)}`, at, 'FROM scratch, and COPY to paths that begin with /')
  }
}

/** Layers of Windows have their files below `Files/`, and paths have drives and backslashes. */
function onlyOnWindows(operation: Operation): string | undefined {
  if (operation.kind === 'source' && operation.image !== undefined) return `the image ${operation.image.reference}`
  if (operation.kind === 'mkdir') return 'WORKDIR'
  return operation.kind === 'copy' && /\\|:/.test(operation.destination) ? `the destination ${operation.destination}` : undefined
}

/** The error of a RUN whose platform this machine cannot execute. */
function foreignRun(platform: Platform, machine: Platform, at: SourceRange): TsbuildError {
  const here = formatPlatform(machine)
  const hint = `put the RUN into a stage of its own: FROM --platform=${here}, and COPY --from it`
  return unsupported(`RUN for ${formatPlatform(platform)} on a ${here} machine`, at, hint)
}
