import { formatPlatform } from '../../registry/oci/platform.ts'
import { unsupported } from '../dockerfile/unsupported.ts'
import type { Operation } from './graph.ts'

/** Throws DOCKERFILE_UNSUPPORTED at what no Linux machine does: a RUN for another system, and of an image for Windows all but plain copies. */
export function checkRunnable(operations: readonly Operation[]): void {
  for (const operation of operations) {
    const { kind, platform, at } = operation
    if (kind === 'run' && platform.os !== 'linux')
      throw unsupported(
        `RUN for ${formatPlatform(platform)}`,
        at,
        'put the RUN into a stage of its own FROM an image for linux, and COPY --from it',
      )
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
