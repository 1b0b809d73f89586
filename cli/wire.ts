import { readFileSync } from 'node:fs'
import type { Bases, BuildDeps, Compression } from '../builder/deps.ts'
import { openAddon } from '../native/addon.ts'
import { type Helper, openPlainHelper, startHelper } from '../native/helper.ts'
import type { NativeOps } from '../native/ops.ts'
import type { Emit } from '../registry/oci/event.ts'
import type { RegistryClient } from '../registry/remote/client.ts'
import { refreshIndex } from '../registry/store/layout.ts'
import { storeRoot } from '../registry/store/root.ts'
import { openStore, type Store } from '../registry/store/store.ts'
import type { Snapshotter } from '../snapshotter/snapshotter.ts'
import type { Context } from './context.ts'
import { nativePaths } from './native-parts.ts'

export interface WorkspaceOptions {
  readonly access?: 'shared' | 'exclusive'
  readonly emit?: Emit
  /** Registries that may be spoken to without TLS, or with a certificate that nobody vouches for. */
  readonly insecure?: boolean
  readonly cacert?: string | undefined
}

/** The real objects of one command, made when they are first needed. Closing it ends the helper and lets go of the store. */
export interface Workspace extends AsyncDisposable {
  readonly store: Store
  readonly native: NativeOps
  readonly compression: Compression
  client(): Promise<RegistryClient>
  helper(): Promise<Helper>
  snapshots(): Promise<Snapshotter>
  bases(): Promise<Bases>
  buildDeps(emit: Emit): Promise<BuildDeps>
  /** To be called after names have changed: index.json says what the names say. */
  refreshIndex(): Promise<void>
}
