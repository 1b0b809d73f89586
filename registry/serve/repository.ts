import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../oci/document.ts'
import { readIndex } from '../oci/manifest.ts'
import { isIndexType, isManifestType } from '../oci/media-type.ts'
import type { Store } from '../store/store.ts'

const MAX_INDEX_DEPTH = 8

/**
 * One served repository as a view of the store's names.
 *
 * What is pushed to repository `R` gets the name `localhost/R:TAG` (or `localhost/R@DIGEST` without a tag), so that no client can replace what a name
 * like `docker.io/library/debian` means to a build. Read are, in this order, `localhost/R`, then what the user made or pulled here under the same
 * name: `docker.io/R` (`docker.io/library/R` for one component), and `R` itself where it begins with a host. Blobs are those of the whole store.
 */
export class Repository {
  readonly name: string
  readonly #store: Store

  constructor(name: string, store: Store) {
    this.name = name
    this.#store = store
  }

  async find(key: { readonly tag: string } | { readonly digest: Digest }): Promise<Descriptor | undefined> {
    if ('digest' in key) return (await this.manifests()).find(({ digest }) => digest === key.digest)
    for (const prefix of this.#prefixes()) {
      const found = await this.#store.names.get(`${prefix}:${key.tag}`)
      if (found !== undefined && isDocument(found)) return found
    }
    return undefined
  }

  /** Sorted; undefined when there is no such repository. */
  async tags(): Promise<string[] | undefined> {
    const entries = await this.#entries()
    if (entries.length === 0) return undefined
    return [...new Set(entries.flatMap(({ tag }) => (tag === undefined ? [] : [tag])))].sort()
  }

  /** All manifests and indexes here, each once: named ones, and what the indexes among them hold. */
  async manifests(): Promise<Descriptor[]> {
    const found = new Map<Digest, Descriptor>()
    const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
      if (found.has(descriptor.digest) || !isDocument(descriptor) || depth > MAX_INDEX_DEPTH) return
      if ((await this.#store.blobs.stat(descriptor.digest)) === undefined) return // Of an index, only one platform may have been pulled.
      found.set(descriptor.digest, descriptor)
      if (!isIndexType(descriptor.mediaType)) return
      const index = readIndex(await this.#store.blobs.read(descriptor.digest, MAX_MANIFEST_BYTES), `index ${descriptor.digest}`)
      for (const child of index.manifests) await visit(child, depth + 1)
    }
    for (const { descriptor } of await this.#entries()) await visit(descriptor, 0)
    return [...found.values()]
  }

  /** Names a manifest that was pushed. What a tag stood for before stays here by its digest, as clients may have pinned it. */
  async set(key: { readonly tag: string } | { readonly digest: Digest }, descriptor: Descriptor): Promise<void> {
    const name = this.#own(key)
    const before = await this.#store.names.get(name)
    if (before !== undefined && before.digest !== descriptor.digest) await this.#store.names.set(this.#own(before), before)
    await this.#store.names.set(name, descriptor)
  }

  /** Removes a tag, or a manifest with its pushed tags. `kept`: it has a name that was given here, not pushed, or an index still holds it. */
  async delete(key: { readonly tag: string } | { readonly digest: Digest }): Promise<'done' | 'kept' | 'unknown'> {
    const found = await this.find(key)
    if (found === undefined) return 'unknown'
    if ('tag' in key) {
      const own = await this.#store.names.get(this.#own(key))
      if (own === undefined) return 'kept'
      await this.#store.names.set(this.#own(own), own)
      await this.#store.names.delete(this.#own(key))
      return 'done'
    }
    const entries = (await this.#entries()).filter(({ own, descriptor }) => own && descriptor.digest === key.digest)
    for (const { name } of entries) await this.#store.names.delete(name)
    return entries.length > 0 && (await this.find(key)) === undefined ? 'done' : 'kept'
  }

  async #entries(): Promise<{ name: string; tag: string | undefined; own: boolean; descriptor: Descriptor }[]> {
    const names = await this.#store.names.list()
    return this.#prefixes().flatMap((prefix, i) =>
      names.flatMap(({ name, descriptor }) => {
        const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
        if (!/^[:@][^/]+$/.test(rest) || !isDocument(descriptor)) return []
        return [{ name, tag: rest.startsWith(':') ? rest.slice(1) : undefined, own: i === 0, descriptor }]
      }),
    )
  }

  #own(key: { readonly tag: string } | { readonly digest: Digest }): string {
    return `localhost/${this.name}${'tag' in key ? `:${key.tag}` : `@${key.digest}`}`
  }

  #prefixes(): string[] {
    const [first = '', ...rest] = this.name.split('/')
    const local = rest.length === 0 ? `docker.io/library/${this.name}` : `docker.io/${this.name}`
    return [`localhost/${this.name}`, local, ...(first.includes('.') && rest.length > 0 ? [this.name] : [])]
  }
}

function isDocument({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType)
}
