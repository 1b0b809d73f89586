import type { Descriptor } from '../oci/descriptor.ts'
import { TsbuildError } from '../oci/error.ts'
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../oci/reference.ts'
import { readImage } from './image.ts'
import type { NamedDescriptor } from './names.ts'
import type { Store } from './store.ts'

/** A local image: what its names point to, and those names (one if it was asked for by name). */
export interface FoundImage {
  readonly descriptor: Descriptor
  readonly names: readonly string[]
}

const MIN_PREFIX = 4

/** Finds a local image by name, by digest of its manifest or config (image ID), or by a unique prefix of one. Throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS. */
export async function findImage(store: Store, text: string): Promise<FoundImage> {
  const name = nameOf(text)
  const named = name === undefined ? undefined : await store.names.get(name)
  if (name !== undefined && named !== undefined) return { descriptor: named, names: [name] }
  const all = await store.names.list()
  const prefix = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(text)?.[1]
  const matches = prefix === undefined || prefix.length < MIN_PREFIX ? [] : await matching(store, all, `sha256:${prefix}`)
  const [first] = matches
  if (first === undefined) throw notFound(text, all)
  const digests = new Set(matches.map(({ descriptor }) => descriptor.digest))
  if (digests.size > 1) throw new TsbuildError('IMAGE_AMBIGUOUS', `${text} is the beginning of several digests: ${[...digests].join(', ')}`)
  return { descriptor: first.descriptor, names: matches.map((match) => match.name) }
}

function nameOf(text: string): string | undefined {
  try {
    return formatReference(withDefaultTag(parseReference(text)))
  } catch {
    return undefined // may still be a digest
  }
}

async function matching(store: Store, all: readonly NamedDescriptor[], prefix: string): Promise<NamedDescriptor[]> {
  const matches: NamedDescriptor[] = []
  for (const item of all) {
    if (item.descriptor.digest.startsWith(prefix) || (await imageID(store, item.descriptor))?.startsWith(prefix)) matches.push(item)
  }
  return matches
}

async function imageID(store: Store, descriptor: Descriptor): Promise<string | undefined> {
  try {
    return (await readImage(store.blobs, descriptor)).manifest.config.digest
  } catch {
    return undefined // an index without this machine's platform, or an artifact: it has no image ID
  }
}

function notFound(text: string, all: readonly NamedDescriptor[]): TsbuildError {
  const last = text.slice(text.lastIndexOf('/') + 1).split(':')[0] ?? ''
  const near = all.map(({ name }) => familiarReference(parseReference(name))).filter((name) => name.includes(last))
  return new TsbuildError('IMAGE_NOT_FOUND', `no local image ${JSON.stringify(text)}`, {
    hint: near.length > 0 ? `there is ${near.slice(0, 5).join(', ')}` : 'tsbuild images lists what is here; tsbuild pull fetches one',
  })
}
