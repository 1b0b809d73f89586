import { readFileSync } from 'node:fs'
import type { Bases, BuildDeps, Compression, IdKind, Lent } from '../builder/deps.ts'
import { canExecute } from '../builder/plan/platforms.ts'
import { FileDigests } from '../builder/sources/file-digests.ts'
import type { Helper } from '../native/helper.ts'
import type { NativeOps } from '../native/ops.ts'
import type { Emit } from '../registry/oci/event.ts'
import { platformOfArch } from '../registry/oci/platform.ts'
import type { RegistryClient } from '../registry/remote/client.ts'
import { refreshIndex } from '../registry/store/layout.ts'
import { storeRoot } from '../registry/store/root.ts'
import { openStore, type Store } from '../registry/store/store.ts'
import type { Snapshotter } from '../snapshotter/snapshotter.ts'
import { fetcher } from './absent.ts'
import { localBases } from './bases.ts'
import type { Context, Progress } from './context.ts'
import { guessIdKind, idKindOf, idSource } from './id-kind.ts'
import { NOTHING_LENT } from './lent.ts'
import { openNative } from './native-parts.ts'

export interface WorkspaceOptions {
  readonly access?: 'shared' | 'exclusive'
  /** False: STORE_BUSY instead of waiting for others. */
  readonly wait?: boolean
  readonly emit?: Emit
  readonly settled?: Progress['settled']
  /** Secrets and agents of this command. */
  readonly lent?: Lent
  /** Registries (`host[:port]`) that may be spoken to without TLS, or whose certificate nobody vouches for. */
  readonly insecure?: readonly string[] | 'all'
  /** PEM files of further authorities. */
  readonly caFiles?: readonly string[]
}

/** The real objects of one command, each made when it is first needed. Closing it ends the helper and lets go of the store. */
export interface Workspace extends AsyncDisposable {
  readonly store: Store
  readonly native: NativeOps
  readonly compression: Compression
  readonly emit: Emit
  readonly bases: Bases
  /** Of folders that were read; to be saved when the build has ended. */
  readonly digests: FileDigests
  client(): Promise<RegistryClient>
  helper(): Promise<Helper>
  snapshots(): Promise<Snapshotter>
  readonly buildDeps: BuildDeps
  /** To be called after names have changed: index.json says what the names say. */
  refreshIndex(): Promise<void>
}

/** A workspace that is opened at the first call of `open`, if there is one. */
export function lazyWorkspace(context: Context, options: WorkspaceOptions): AsyncDisposable & { open(): Promise<Workspace> } {
  let opened: Promise<Workspace> | undefined
  return {
    open: () => {
      opened ??= openWorkspace(context, options)
      return opened
    },
    [Symbol.asyncDispose]: async () => (await opened?.catch(() => undefined))?.[Symbol.asyncDispose](),
  }
}

export async function openWorkspace(context: Context, options: WorkspaceOptions = {}): Promise<Workspace> {
  const { emit = () => {}, lent = NOTHING_LENT } = options
  const core = await openNative(context)
  const { native } = core
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const root = storeRoot(context.env, context.uid)
  const access = options.access ?? 'shared'
  const onWait = () => {
    const message = `waiting for another tsbuild that ${access === 'shared' ? 'has the store to itself' : 'uses the store'}`
    if (options.emit === undefined) context.printError(`${message}\n`)
    else emit({ kind: 'note', message })
  }
  const store = await openStore({
    root,
    bootId,
    native,
    now: context.now,
    access,
    wait: options.wait,
    signal: context.signal,
    onWait,
  }).catch(async (error: unknown) => {
    await native[Symbol.asyncDispose]()
    throw error
  })
  const opened: AsyncDisposable[] = [native, store]
  const keep = <T extends AsyncDisposable>(thing: T): T => {
    opened.push(thing)
    return thing
  }

  const client = once(async () => {
    const { openClient } = await import('../registry/remote/open.ts')
    const userAgent = `tsbuild/${context.version}`
    const { insecure, caFiles } = options
    return keep(openClient({ env: context.env, userAgent, now: context.now, random: Math.random, insecure, caFiles }))
  })
  const remotes = once(async () => {
    const { Remotes } = await import('../builder/sources/remotes.ts')
    const { openTransport } = await import('../registry/remote/open.ts')
    const transport = openTransport({ env: context.env, userAgent: `tsbuild/${context.version}`, caFiles: options.caFiles })
    const { insecure: exempt, caFiles = [] } = options
    const insecure = exempt === 'all'
    const retry = { now: context.now, random: Math.random }
    return keep(new Remotes({ store, transport, retry, insecure, env: context.env, caFiles, emit, lent }))
  })
  let idKind: IdKind | undefined
  const helper = once(async () => {
    const started = keep(await core.startHelper())
    idKind = idKindOf(started.idMap)
    return started
  })
  const snapshots = once(async () => {
    const { openSnapshots } = await import('./snapshots.ts')
    return keep(await openSnapshots({ store, native, helper, bootId, stacking: context.env.TSBUILD_STACKING, emit, now: context.now }))
  })
  const kindNow = () => {
    idKind ??= guessIdKind(idSource(context.env, context.uid))
    return idKind
  }
  const bases = localBases({ store, client, emit, now: context.now })
  const fetchAbsent = fetcher({ store, client, emit, now: context.now })
  const { compression } = core
  return {
    store,
    native,
    compression,
    emit,
    bases,
    digests: new FileDigests(root, native, context.now),
    client,
    helper,
    snapshots,
    buildDeps: {
      store,
      native,
      bases,
      fetchAbsent,
      remotes,
      snapshots,
      idKind: kindNow,
      compression,
      lent,
      emulation: async (platform) => {
        if (canExecute(platform, platformOfArch(process.arch))) return undefined
        return (await import('./emulators.ts')).emulationFor(platform, context.env)
      },
      emit,
      settled: options.settled ?? (() => {}),
      now: context.now,
    },
    refreshIndex: () => refreshIndex(store),
    async [Symbol.asyncDispose]() {
      for (const thing of opened.reverse()) await thing[Symbol.asyncDispose]()
    },
  }
}

/** The same promise for every caller, made by the first. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
