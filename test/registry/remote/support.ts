import { randomBytes } from 'node:crypto'
import type { Descriptor } from '../../../registry/oci/descriptor.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import type { ProgressEvent } from '../../../registry/oci/event.ts'
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../registry/oci/media-type.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { parseReference, type Reference } from '../../../registry/oci/reference.ts'
import { type ClientOptions, RegistryClient } from '../../../registry/remote/client.ts'
import { Transport, type TransportOptions } from '../../../registry/remote/transport.ts'
import { type ServedRegistry, type ServeOptions, serveRegistry } from '../../../registry/serve/server.ts'
import type { Store } from '../../../registry/store/store.ts'

export interface TestClientOptions extends Partial<Omit<ClientOptions, 'transport'>> {
  readonly transport?: Partial<TransportOptions>
}

/** A client that knows no environment, and does not wait long. */
export function testClient({ transport, ...options }: TestClientOptions = {}): RegistryClient {
  return new RegistryClient({
    transport: new Transport({ env: {}, tls: { certsDirs: [] }, ...transport }),
    retry: { now: Date.now, random: () => 0, baseMs: 5 },
    ...options,
  })
}

/** The given store as it is, for a server that would otherwise open and close one for each request. */
export function shared(store: Store): ServeOptions['open'] {
  return async () => ({ ...store, [Symbol.asyncDispose]: async () => {} })
}

export function serve(store: Store, options: Partial<ServeOptions> = {}): Promise<ServedRegistry> {
  return serveRegistry({ open: shared(store), ...options })
}

/** A minimal image in the store; layers are random bytes of these sizes, not tars. */
export async function putImage(
  store: Store,
  { layers, platform = 'linux/amd64' }: { layers: readonly number[]; platform?: string },
): Promise<Descriptor> {
  const blobs: Descriptor[] = []
  for (const size of layers) {
    const bytes = randomBytes(size)
    const ingest = await store.blobs.ingest({ mediaType: OCI_LAYER, digest: digestOf(bytes), size })
    await ingest.write(bytes)
    await ingest.commit()
    await ingest[Symbol.asyncDispose]()
    blobs.push({ mediaType: OCI_LAYER, digest: digestOf(bytes), size })
  }
  const rootfs = { type: 'layers', diff_ids: blobs.map(({ digest }) => digest) }
  const config = await putJson(store, OCI_CONFIG, {
    ...parsePlatform(platform),
    rootfs,
    config: { Labels: { nonce: randomBytes(8).toString('hex') } },
  })
  return putJson(store, OCI_MANIFEST, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: blobs })
}

export async function putIndex(store: Store, entries: readonly { platform?: string; manifest: Descriptor }[]): Promise<Descriptor> {
  const manifests = entries.map(({ platform, manifest }) =>
    platform === undefined ? manifest : { ...manifest, platform: parsePlatform(platform) },
  )
  return putJson(store, OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests })
}

export async function putJson(store: Store, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value))
  return { mediaType, digest: await store.blobs.put(bytes), size: bytes.length }
}

export function at(host: string, path: string): Reference {
  return parseReference(`${host}/${path}`)
}

export interface Events {
  readonly all: ProgressEvent[]
  readonly emit: (event: ProgressEvent) => void
  /** Notes of finished transfers by digest. */
  notes(): (string | undefined)[]
}

export function events(): Events {
  const all: ProgressEvent[] = []
  return {
    all,
    emit: (event) => void all.push(event),
    notes: () => all.flatMap((event) => (event.kind === 'transfer' && event.note !== undefined ? [event.note] : [])),
  }
}
