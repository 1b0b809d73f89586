import { TsbuildError } from './error.ts'

/** image-spec v1.1, image-index.md, "platform". */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly 'os.version'?: string
}

const ALIASES: Record<string, string> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  i386: '386',
  i686: '386',
  aarch64: 'arm64',
  armhf: 'arm/v7',
  armel: 'arm/v6',
}

/** `os[(version)]/arch[/variant]`, or `arch` alone (os linux), as containerd's platforms package reads it. Throws PLATFORM_INVALID. */
export function parsePlatform(text: string): Platform {
  const [, before = '', version, after] = /^([^/()]*)(?:\(([\w.-]+)\)(?=\/))?(.*)$/s.exec(text) ?? []
  const parts = `${before}${after}`.toLowerCase().split('/')
  if (text === '' || parts.length > 3 || parts.some((part) => !/^[a-z0-9][a-z0-9_.-]*$/.test(part))) {
    throw new TsbuildError('PLATFORM_INVALID', `not a platform: ${JSON.stringify(text)}`, {
      hint: 'write os/architecture[/variant], as in linux/amd64 or linux/arm64/v8',
    })
  }
  const [first = '', second, third] = parts
  const [os, arch] = second === undefined ? ['linux', first] : [first, second]
  const [architecture = '', aliasVariant] = (ALIASES[arch] ?? arch).split('/')
  return normalisePlatform({ os, architecture, ...withVariant(third ?? aliasVariant), ...withVersion(version) })
}

/** amd64 has no v1, arm64 no v8, arm means v7: the forms that manifests are compared in. */
export function normalisePlatform(platform: Platform): Platform {
  const { variant, ...rest } = platform
  if (platform.architecture === 'arm' && variant === undefined) return { ...rest, variant: 'v7' }
  if (platform.architecture === 'amd64' && variant === 'v1') return rest
  if (platform.architecture === 'arm64' && variant === 'v8') return rest
  return platform
}

export function formatPlatform({ os, architecture, variant, 'os.version': version }: Platform): string {
  return [version === undefined ? os : `${os}(${version})`, architecture, ...(variant === undefined ? [] : [variant])].join('/')
}

/** The platform in a document that has more in it: an index entry, an image config. */
export function platformOf({ os, architecture, variant, 'os.version': version }: PlatformFields): Platform {
  return { os, architecture, ...withVariant(variant), ...withVersion(version) }
}

interface PlatformFields {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
  readonly 'os.version'?: string | undefined
}

/** The platform of a machine, from Node's `process.arch` spelling. */
export function platformOfArch(arch: string): Platform {
  const architecture = { x64: 'amd64', ia32: '386', arm64: 'arm64', arm: 'arm' }[arch] ?? arch
  return normalisePlatform({ os: 'linux', architecture })
}

/**
 * How well `have` serves `want`: 0 not at all, higher is better. An exact match wins; arm runs lower variants, amd64 v2..v4 run lower ones. A version of the
 * system that is wanted is that one, or the beginning of it.
 * Ties go to the first entry of an index (image-spec v1.1, image-index.md).
 */
export function rankPlatform(want: Platform, have: Platform): number {
  const [w, h] = [normalisePlatform(want), normalisePlatform(have)]
  if (w.os !== h.os || w.architecture !== h.architecture) return 0
  if (w['os.version'] !== undefined && !`${h['os.version'] ?? ''}.`.startsWith(`${w['os.version']}.`)) return 0
  const [wanted, offered] = [versionOf(w), versionOf(h)]
  if (offered > wanted) return 0
  return 100 - (wanted - offered)
}

function versionOf(platform: Platform): number {
  const base = platform.architecture === 'arm64' ? 8 : 1
  return platform.variant === undefined ? base : Number(/^v(\d+)/.exec(platform.variant)?.[1] ?? base)
}

function withVariant(variant: string | undefined): { variant?: string } {
  return variant === undefined ? {} : { variant }
}

function withVersion(version: string | undefined): { 'os.version'?: string } {
  return version === undefined ? {} : { 'os.version': version }
}
