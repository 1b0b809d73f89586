import { TsbuildError } from '../registry/oci/error.ts'
import { parseReference } from '../registry/oci/reference.ts'
import { parseBoolean } from './booleans.ts'
import type { ProgressMode } from './context.ts'

/** Flags that several commands share. */
export const connectionFlags = {
  insecure: { kind: 'boolean', help: 'allow plain http, and certificates that nobody vouches for' },
  'tls-verify': { kind: 'optional', value: 'bool', bare: 'true', help: 'as in skopeo: --tls-verify=false is --insecure' },
  'cert-file': { kind: 'list', value: 'file', help: 'PEM file of a further certificate authority; may be repeated' },
} as const

const PROGRESS_MODES = ['auto', 'tty', 'plain', 'rawjson', 'quiet'] as const satisfies readonly ProgressMode[]

export const progressFlag = { kind: 'string', value: 'mode', help: 'auto (default), tty, plain, rawjson or quiet' } as const

export function progressMode(text = 'auto'): ProgressMode {
  const mode = PROGRESS_MODES.find((known) => known === text)
  if (mode !== undefined) return mode
  throw new TsbuildError('USAGE', `--progress=${text} is not known`, { hint: PROGRESS_MODES.join(', ') })
}

/** --format: json, or nothing. */
export function checkFormat(format: string | undefined): void {
  if (format !== undefined && format !== 'json') throw new TsbuildError('USAGE', `--format=${format} is not known`, { hint: 'json' })
}

interface ConnectionOptions {
  readonly insecure: boolean
  readonly 'tls-verify': string | undefined
  readonly 'cert-file': readonly string[]
}

/** Throws USAGE for a --tls-verify that is neither true nor false. */
export function isInsecure(options: Pick<ConnectionOptions, 'insecure' | 'tls-verify'>): boolean {
  const isVerified = parseBoolean(options['tls-verify'] ?? 'true')
  if (isVerified !== undefined) return options.insecure || !isVerified
  throw new TsbuildError('USAGE', `--tls-verify=${options['tls-verify']} is not known`, { hint: 'true or false' })
}

/** `references` name the registries that --insecure is about; a build may come to registries that only its Dockerfile names. */
export function connectionOptions(
  options: ConnectionOptions,
  references: readonly string[] | 'all',
): { insecure: readonly string[] | 'all'; caFiles: readonly string[] } {
  const caFiles = options['cert-file']
  if (!isInsecure(options)) return { insecure: [], caFiles }
  if (references === 'all') return { insecure: 'all', caFiles }
  return { insecure: references.filter((text) => layoutTarget(text) === undefined).map((text) => parseReference(text).registry), caFiles }
}

/** `oci:FOLDER[:NAME]`, as skopeo and buildah write an image layout. */
export function layoutTarget(text: string): { readonly folder: string; readonly name: string | undefined } | undefined {
  if (!text.startsWith('oci:')) return undefined
  const rest = text.slice(4)
  const colon = rest.indexOf(':')
  return colon < 0 ? { folder: rest, name: undefined } : { folder: rest.slice(0, colon), name: rest.slice(colon + 1) }
}
