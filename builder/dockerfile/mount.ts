import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { parseCsv } from './csv.ts'
import { didYouMean } from './suggest.ts'

export const MOUNT_TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const
export type MountType = (typeof MOUNT_TYPES)[number]
export const SHARINGS = ['shared', 'private', 'locked'] as const
export type Sharing = (typeof SHARINGS)[number]

/** One RUN --mount as written, its values expanded; what is not given is undefined. Dockerfile reference, "RUN --mount". */
export interface Mount {
  readonly type: MountType
  readonly target?: string | undefined
  readonly source?: string | undefined
  /** Stage, named context or image; never holds a variable. */
  readonly from?: string | undefined
  readonly readOnly?: boolean | undefined
  readonly id?: string | undefined
  readonly sharing?: Sharing | undefined
  readonly mode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** Bytes. */
  readonly size?: number | undefined
  readonly required?: boolean | undefined
  /** Name of the variable that a secret is put into. */
  readonly env?: string | undefined
}

type Field = keyof Mount

const FIELD_OF: Readonly<Record<string, Field>> = {
  type: 'type',
  target: 'target',
  dst: 'target',
  destination: 'target',
  source: 'source',
  src: 'source',
  from: 'from',
  readonly: 'readOnly',
  ro: 'readOnly',
  readwrite: 'readOnly',
  rw: 'readOnly',
  id: 'id',
  sharing: 'sharing',
  mode: 'mode',
  uid: 'uid',
  gid: 'gid',
  size: 'size',
  required: 'required',
  env: 'env',
}

/** What each type takes besides type, target and ro/rw. */
const TAKES: Readonly<Record<MountType, readonly Field[]>> = {
  bind: ['source', 'from'],
  cache: ['source', 'from', 'id', 'sharing', 'mode', 'uid', 'gid'],
  tmpfs: ['size'],
  secret: ['source', 'id', 'mode', 'uid', 'gid', 'required', 'env'],
  ssh: ['source', 'id', 'mode', 'uid', 'gid', 'required'],
}

/**
 * Reads the value of one --mount flag. `expand` gives what a value stands for; without it a value that holds a `$` is not looked into, which is what can
 * be known before the build. Throws DOCKERFILE_SYNTAX at `at`.
 */
export function readMount(text: string, at: SourceRange, expand?: (value: string) => string): Mount {
  const fields = parseCsv(text)
  if (fields === undefined) throw broken(`--mount=${text}: a quote is not closed`, at, 'quotes are those of CSV: "source=a,b"')
  const raw: { [F in Field]?: unknown } = {}
  const keys: string[] = []
  for (const field of fields) {
    const equals = field.indexOf('=')
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase()
    const value = equals < 0 ? undefined : field.slice(equals + 1)
    const name = FIELD_OF[key]
    if (name === undefined) throw unknownKey(key, field, at)
    keys.push(key)
    const isKept = name === 'from' || expand === undefined
    if (name === 'from' && value?.includes('$'))
      throw broken(`--mount=from=${value}: from takes no variables`, at, 'give a stage that name: FROM $IMAGE AS name')
    raw[name] = readValue(name, { key, value: value === undefined || isKept ? value : expand(value), isOpen: expand === undefined }, at)
  }
  const mount = { ...raw, type: raw.type ?? 'bind' } as Mount
  const isTypeOpen = 'type' in raw && raw.type === undefined
  if (!isTypeOpen) checkFields(mount, keys, at)
  return mount
}

interface Given {
  readonly key: string
  readonly value: string | undefined
  /** A value with a variable is not known yet. */
  readonly isOpen: boolean
}

function readValue(name: Field, given: Given, at: SourceRange): unknown {
  const { key, value, isOpen } = given
  if (name === 'readOnly' || name === 'required') {
    const isTrue = value === undefined ? true : readBoolean(given, at)
    return key === 'rw' || key === 'readwrite' ? !isTrue : isTrue
  }
  if (value === '' && (name === 'from' || name === 'id')) return undefined // as if it was not given, which is what BuildKit makes of it
  if (value === undefined || (value === '' && name !== 'source' && name !== 'target'))
    throw broken(`--mount: ${key} needs a value`, at, `write ${key}=VALUE`)
  if (isOpen && value.includes('$')) return undefined
  switch (name) {
    case 'type':
      return oneOf(value.toLowerCase(), MOUNT_TYPES, 'mount type', at)
    case 'sharing':
      return oneOf(value.toLowerCase(), SHARINGS, 'sharing value', at)
    case 'mode':
      return /^[0-7]{1,4}$/.test(value) ? Number.parseInt(value, 8) : wrong(given, at, 'write an octal mode, such as 0600')
    case 'uid':
    case 'gid':
      return /^\d{1,10}$/.test(value) && Number(value) < 2 ** 32 - 1 ? Number(value) : wrong(given, at, 'write a number')
    case 'size':
      return readSize(value) ?? wrong(given, at, 'write bytes, or 64m, 1g')
    default:
      return value
  }
}

function readBoolean(given: Given, at: SourceRange): boolean {
  if (/^(?:true|1|t)$/i.test(given.value ?? '')) return true
  if (/^(?:false|0|f)$/i.test(given.value ?? '')) return false
  if (given.isOpen && given.value?.includes('$')) return true
  return wrong(given, at, 'write true or false')
}

/** `64m`, `1.5g`, `1024`: units of 1024, as docker/go-units reads memory. Undefined for anything else and for more than 2^53. */
export function readSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text)
  if (match === null) return undefined
  const bytes = Math.floor(Number(match[1]) * 1024 ** ['', 'k', 'm', 'g', 't', 'p'].indexOf((match[2] ?? '').toLowerCase()))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

function checkFields(mount: Mount, keys: readonly string[], at: SourceRange): void {
  const taken = TAKES[mount.type]
  for (const key of keys) {
    const field = FIELD_OF[key] as Field
    if (field === 'type' || field === 'target' || field === 'readOnly' || taken.includes(field)) continue
    throw broken(`--mount: a mount of type ${mount.type} takes no ${key}`, at, `it takes ${['target', ...taken].join(', ')}`)
  }
}

function oneOf<T extends string>(value: string, known: readonly T[], what: string, at: SourceRange): T {
  const found = known.find((item) => item === value)
  if (found !== undefined) return found
  throw broken(`unsupported ${what} ${JSON.stringify(value)}`, at, didYouMean(value, known) ?? `known are ${known.join(', ')}`)
}

function unknownKey(key: string, field: string, at: SourceRange): TsbuildError {
  const known = Object.keys(FIELD_OF)
  const message = `unexpected key ${JSON.stringify(key)} in ${JSON.stringify(field)}`
  return broken(message, at, didYouMean(key, known) ?? `known are ${known.join(', ')}`)
}

function wrong({ key, value }: Given, at: SourceRange, hint: string): never {
  throw broken(`--mount: invalid value for ${key}: ${JSON.stringify(value)}`, at, hint)
}

function broken(message: string, at: SourceRange, hint: string): TsbuildError {
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { at, hint })
}
