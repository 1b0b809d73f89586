import { didYouMean } from '../builder/dockerfile/suggest.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { parseBoolean } from './booleans.ts'

/** What `build` is asked for: to build, or to say something about the Dockerfile. */
export interface Call {
  readonly method: Method
  readonly format: 'text' | 'json'
  /** What is found does not make the status 1. */
  readonly ignoreStatus: boolean
}

const METHODS = ['build', 'check', 'outline', 'targets', 'subrequests.describe'] as const
export type Method = (typeof METHODS)[number]

/** `--call=METHOD[,format=text|json][,ignorestatus=true]`, as buildx reads it; `--check` is `--call=check`. Throws USAGE. */
export function callOf({ call, check }: { readonly call: string | undefined; readonly check: boolean }): Call {
  if (check && call !== undefined) throw new TsbuildError('USAGE', '--check is --call=check: give one of them')
  const [name = '', ...options] = (call ?? (check ? 'check' : 'build')).split(',')
  const method = METHODS.find((known) => known === name.replace(/^lint$/, 'check'))
  if (method === undefined)
    throw new TsbuildError('USAGE', `--call=${name} is not known`, { hint: didYouMean(name, METHODS) ?? METHODS.join(', ') })
  const given = new Map(options.map((option) => splitOption(option)))
  const format = given.get('format') ?? 'text'
  if (format !== 'text' && format !== 'json')
    throw new TsbuildError('USAGE', `--call: format=${format} is not known`, { hint: 'text or json' })
  const ignoreStatus = parseBoolean(given.get('ignorestatus') ?? 'false')
  if (ignoreStatus === undefined) throw new TsbuildError('USAGE', `--call: ignorestatus=${given.get('ignorestatus')} is no boolean`)
  return { method, format, ignoreStatus }
}

function splitOption(option: string): [string, string] {
  const [key = '', value = ''] = option.split('=', 2)
  if (key === 'format' || key === 'ignorestatus') return [key, value]
  throw new TsbuildError('USAGE', `--call: ${JSON.stringify(option)} is not known`, { hint: 'format=json or ignorestatus=true' })
}
