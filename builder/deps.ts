import type { NativeOps } from '../native/ops.ts'
import type { Emulation } from '../native/requests/trees.ts'
import type { ImageConfig } from '../registry/oci/config.ts'
import type { Descriptor } from '../registry/oci/descriptor.ts'
import type { DiffID, Digest } from '../registry/oci/digest.ts'
import type { Emit } from '../registry/oci/event.ts'
import type { Codec } from '../registry/oci/media-type.ts'
import type { Platform } from '../registry/oci/platform.ts'
import type { Store } from '../registry/store/store.ts'
import type { Snapshotter } from '../snapshotter/snapshotter.ts'
import type { DeviceEdits } from './sources/cdi.ts'
import type { Remotes } from './sources/remotes.ts'

/** One layer of a chain: what it is uncompressed, and the blob that holds it. */
export interface LayerRef {
  readonly diffID: DiffID
  readonly blob: Descriptor
}

/** An image that a stage starts from or copies from, with its blobs in the store. */
export interface BaseImage {
  /** As the Dockerfile names it. */
  readonly reference: string
  readonly manifest: Digest
  readonly config: ImageConfig
  readonly layers: readonly LayerRef[]
}

/** Finds base images: in the store, else in their registry. */
export interface Bases {
  /** `always` asks the registry although the name is known here. Throws IMAGE_NOT_FOUND and what the registry says. */
  resolve(reference: string, platform: Platform, options: ResolveOptions): Promise<BaseImage>
}

export interface ResolveOptions {
  readonly pull: PullPolicy
  /** Layers that are not in the store stay where they are: `fetchAbsent` brings those that are needed. */
  readonly isLazy: boolean
  /** The build is for several platforms: progress says which. */
  readonly isOneOfSeveral?: boolean
  readonly signal: AbortSignal
}

/** `newer` is `always` where the registry answers, and what is here where it does not. */
export type PullPolicy = 'missing' | 'always' | 'newer' | 'never'

export interface Compression {
  readonly codec: Codec
  /** 0 is the codec's default. */
  readonly level: number
  readonly id: string
}

/** '' where the ids of users exist that images have, 'single' where root alone does: there a chown fails, and what comes of it is another result. */
export type IdKind = '' | 'single'

/** What the caller lends to RUN steps, by id; it never reaches an image, a record or a log. */
export interface Lent {
  /** Undefined for an id that was not given. Throws SECRET_INVALID for one that cannot be read. */
  secret(id: string): Promise<Uint8Array | undefined>
  /** What was given, to find what was meant. */
  readonly secretIds?: readonly string[]
  /** Undefined for a device that no specification of this machine has. Throws CDI_INVALID. */
  device(name: string): Promise<DeviceEdits | undefined>
  hasAgent(id: string): boolean
  /** Serves the agent of this id on a new socket at `path` until it is disposed of. */
  serveAgent(id: string, path: string, signal: AbortSignal): Promise<AsyncDisposable>
}

/** What a build needs from its caller. */
export interface BuildDeps {
  readonly store: Store
  readonly native: NativeOps
  readonly bases: Bases
  /** Brings blobs of layers into the store that are not there, from a registry that is known to have them. Throws BLOB_MISSING. */
  fetchAbsent(blobs: readonly Descriptor[], signal: AbortSignal): Promise<void>
  /** What ADD fetches from servers; a build that fetches nothing never calls it. */
  readonly remotes: () => Promise<Remotes>
  /** Starts the helper at the first call; a build that runs no command never calls it. */
  readonly snapshots: () => Promise<Snapshotter>
  /** Which ids steps have. A guess until `snapshots` has resolved, which says 'single' only where it is so. */
  readonly idKind: () => IdKind
  /** How new layers are compressed; `id` names codec, version and level, on which the bytes depend. */
  readonly compression: Compression
  readonly lent: Lent
  /** How RUN has programs of a platform executed; undefined where the machine does. Throws EMULATOR_MISSING. */
  readonly emulation: (platform: Platform) => Promise<Emulation | undefined>
  readonly emit: Emit
  /** A promise where events come faster than they are shown: the output of commands waits for it. */
  readonly settled: () => void | Promise<void>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}
