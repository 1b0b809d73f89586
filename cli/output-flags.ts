import { TsbuildError } from '../registry/oci/error.ts'
import { formatReference, parseReference, withDefaultTag } from '../registry/oci/reference.ts'
import { parseBoolean } from './booleans.ts'
import { fieldsOf } from './fields.ts'

type Kind = 'image' | 'registry' | 'oci' | 'docker' | 'local' | 'tar'

/** One `--output`. */
export interface Output {
  readonly kind: Kind
  /** File or folder; `-` is standard output. */
  readonly dest: string | undefined
  /** Full names that this output gives, besides --tag. */
  readonly names: readonly string[]
  readonly push: boolean
  /** oci, docker: a tar file, not a folder. */
  readonly tar: boolean
  /** local, tar: the files of each platform are in a folder of its own. */
  readonly platformSplit: boolean
  readonly rewriteTimestamps: boolean
}

const KEYS: Record<Kind, readonly string[]> = {
  image: ['name', 'push', 'rewrite-timestamp', 'oci-mediatypes'],
  registry: ['name', 'rewrite-timestamp', 'oci-mediatypes'],
  oci: ['dest', 'name', 'tar', 'rewrite-timestamp', 'oci-mediatypes'],
  docker: ['dest', 'name', 'rewrite-timestamp'],
  local: ['dest', 'platform-split'],
  tar: ['dest', 'platform-split'],
}

const PLAIN = { dest: undefined, names: [], push: false, tar: false, platformSplit: false, rewriteTimestamps: false }

/**
 * Reads `-o` values as BuildKit does: `type=...,key=value`, or a folder alone (local), or `-` (tar). Without any the image is kept under its names.
 * Throws USAGE.
 */
export function outputsOf(
  texts: readonly string[],
  { push, names, isForSeveral = false }: { readonly push: boolean; readonly names: readonly string[]; readonly isForSeveral?: boolean },
): Output[] {
  const outputs = texts.map((text) => outputOf(text, isForSeveral))
  if (push) outputs.push({ ...PLAIN, kind: 'registry', push: true })
  if (outputs.length === 0) outputs.push({ ...PLAIN, kind: 'image' })
  if (names.length === 0 && outputs.some((output) => output.push && output.names.length === 0))
    throw new TsbuildError('USAGE', 'a name is needed to push the image', { hint: 'add --tag registry/name' })
  if (outputs.filter(isToStdout).length > 1) throw new TsbuildError('USAGE', 'only one output can go to standard output')
  return outputs
}

/** True where the bytes of an archive are what standard output is for. */
export function isToStdout(output: Output): boolean {
  return output.dest === '-'
}

function outputOf(text: string, isForSeveral: boolean): Output {
  const fields = outputFields(text)
  const kind = kindOf(fields.get('type'), text)
  for (const key of fields.keys()) {
    if (key !== 'type' && !KEYS[kind].includes(key))
      throw new TsbuildError('USAGE', `--output ${text}: ${key} is not known for ${kind}`, { hint: `known: ${KEYS[kind].join(', ')}` })
  }
  const isTrue = (key: string, otherwise: boolean) => {
    const value = parseBoolean(fields.get(key) ?? String(otherwise))
    if (value === undefined) throw new TsbuildError('USAGE', `--output ${text}: ${key} is true or false`)
    return value
  }
  if (!isTrue('oci-mediatypes', true)) throw new TsbuildError('USAGE', `--output ${text}: only OCI media types are written`)
  const [tar, platformSplit] = [isTrue('tar', true), isTrue('platform-split', isForSeveral)]
  if (isForSeveral && kind === 'docker')
    throw new TsbuildError('USAGE', `--output ${text}: a docker archive holds one platform`, { hint: 'type=oci, or one --platform' })
  if (isForSeveral && !platformSplit)
    throw new TsbuildError('USAGE', `--output ${text}: files of several platforms need folders of their own`, {
      hint: 'leave platform-split out',
    })
  const names = (fields.get('name') ?? '').split(',').filter((name) => name !== '')
  return {
    kind,
    dest: destOf(fields.get('dest'), kind === 'local' || !tar, { kind, text }),
    names: names.map((name) => formatReference(withDefaultTag(parseReference(name)))),
    push: kind === 'registry' || isTrue('push', false),
    tar,
    platformSplit,
    rewriteTimestamps: isTrue('rewrite-timestamp', false),
  }
}

function outputFields(text: string): Map<string, string> {
  if (text === '-') return new Map([['type', 'tar']]).set('dest', '-')
  if (!text.includes('=')) return new Map([['type', 'local']]).set('dest', text)
  return fieldsOf(text, 'output')
}

function kindOf(kind: string | undefined, text: string): Kind {
  if (kind !== undefined && Object.hasOwn(KEYS, kind)) return kind as Kind
  throw new TsbuildError('USAGE', `--output ${text}: type ${kind ?? 'is missing'}`, { hint: `one of ${Object.keys(KEYS).join(', ')}` })
}

function destOf(dest: string | undefined, isFolder: boolean, { kind, text }: { kind: Kind; text: string }): string | undefined {
  if (!KEYS[kind].includes('dest')) return undefined
  if (dest === undefined || dest === '')
    throw new TsbuildError('USAGE', `--output ${text}: dest is missing`, { hint: `type=${kind},dest=PATH` })
  if (dest === '-' && isFolder) throw new TsbuildError('USAGE', `--output ${text}: a folder cannot go to standard output`)
  return dest
}
