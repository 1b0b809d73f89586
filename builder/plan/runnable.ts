import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { formatPlatform, type Platform } from '../../registry/oci/platform.ts'
import type { BuildPlan } from './plan.ts'
import { canExecute } from './platforms.ts'

/** Throws DOCKERFILE_UNSUPPORTED for what this machine cannot make of a plan: a RUN for another platform, and anything for Windows, whose layers differ. */
export function checkRunnable({ operations, target }: BuildPlan, machine: Platform): void {
  for (const { kind, platform, at } of operations) {
    if (platform.os === 'windows') throw forWindows(platform, at)
    if (kind === 'run' && !canExecute(platform, machine)) throw foreignRun(platform, machine, at)
  }
  if (target.platform.os === 'windows') throw forWindows(target.platform)
}

function forWindows(platform: Platform, at?: SourceRange): TsbuildError {
  return new TsbuildError('DOCKERFILE_UNSUPPORTED', `an image for ${formatPlatform(platform)} is not supported yet`, {
    at,
    hint: 'images for Windows have layers of another form: build for linux',
  })
}

function foreignRun(platform: Platform, machine: Platform, at: SourceRange): TsbuildError {
  return new TsbuildError(
    'DOCKERFILE_UNSUPPORTED',
    `RUN for ${formatPlatform(platform)} on a ${formatPlatform(machine)} machine is not supported yet`,
    {
      at,
      hint: `put the RUN into a stage of its own: FROM --platform=${formatPlatform(machine)}, and COPY --from it`,
    },
  )
}
