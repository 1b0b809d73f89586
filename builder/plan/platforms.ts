import type { SourceRange } from '../../registry/oci/error.ts'
import { formatPlatform, type Platform, parsePlatform } from '../../registry/oci/platform.ts'
import { formatReference, parseReference, withDefaultTag } from '../../registry/oci/reference.ts'
import { located, wordIn } from '../located.ts'
import { type Base, flagRange, mountKey, mountSources, type Stage } from './stages.ts'

/** An image that a build needs, for one platform. */
export interface WantedImage {
  /** As the Dockerfile has it, for messages and for the caller who finds it. */
  readonly reference: string
  readonly platform: Platform
  readonly at: SourceRange
}

/** The platform of each stage by its index: its own `--platform`, else that of the stage it is built on, else the target's. Throws PLATFORM_INVALID. */
export function stagePlatforms(stages: readonly Stage[], target: Platform): Map<number, Platform> {
  const platforms = new Map<number, Platform>()
  for (const { index, platform, base, from } of stages) {
    const inherited = base.kind === 'stage' ? platforms.get(base.index) : undefined
    platforms.set(index, platform === undefined ? (inherited ?? target) : readPlatform(platform, flagRange(from, 'platform')))
  }
  return platforms
}

/** Every image that a stage starts or copies from, once for each platform, however it is spelled; by `imageKey`. Throws REFERENCE_INVALID. */
export function wantedImages(stages: readonly Stage[], platforms: ReadonlyMap<number, Platform>): Map<string, WantedImage> {
  const wanted = new Map<string, WantedImage>()
  for (const { index, base, sources, from, instructions } of stages) {
    const platform = platforms.get(index)
    if (platform === undefined) throw new Error(`stage ${index} has no platform`)
    const want = (one: Base, at: SourceRange) => {
      if (one.kind !== 'image') return
      const key = imageKey(one.reference, platform, at)
      if (!wanted.has(key)) wanted.set(key, { reference: one.reference, platform, at })
    }
    want(base, wordIn(from.at, from.image))
    for (const [name, source] of sources) want(source, copyFrom(name, instructions) ?? from.at)
  }
  return wanted
}

/** Where a stage first copies or mounts from `name`, a key of its sources. */
function copyFrom(name: string, instructions: Stage['instructions']): SourceRange | undefined {
  for (const instruction of instructions) {
    if (instruction.kind === 'copy' && instruction.from === name) return flagRange(instruction, 'from')
    const mount = instruction.kind === 'run' ? mountSources(instruction).find((source) => mountKey(source.name) === name) : undefined
    if (mount !== undefined) return mount.at
  }
  return undefined
}

/** One name for all spellings of a reference (`busybox`, `docker.io/library/busybox:latest`), with the platform. */
export function imageKey(reference: string, platform: Platform, at: SourceRange): string {
  if (reference.startsWith(LAYOUT)) return `${reference} ${formatPlatform(platform)}` // of a named context: the caller finds it under this name
  try {
    return `${formatReference(withDefaultTag(parseReference(reference)))} ${formatPlatform(platform)}`
  } catch (error) {
    throw located(error, at)
  }
}

/** How the reference of an image begins that a named context takes out of a folder. */
export const LAYOUT = 'oci-layout://'

/** Whether this machine executes programs of a platform itself: those of its own architecture, as far as its processor goes, and 32-bit ones on amd64. */
export function canExecute(platform: Platform, machine: Platform): boolean {
  if (platform.os !== machine.os) return false
  return platform.architecture === machine.architecture || (machine.architecture === 'amd64' && platform.architecture === '386')
}

function readPlatform(text: string, at: SourceRange): Platform {
  try {
    return parsePlatform(text)
  } catch (error) {
    throw located(error, at)
  }
}
