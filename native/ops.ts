import type { CloneRequest, HashedFile, HashRequest, ListReply, ListRequest, LockRequest } from './requests/files.ts'
import type { FlattenReply, FlattenRequest, IndexReply, IndexRequest, PackReply, PackRequest, ReadRequest } from './requests/layers.ts'

/**
 * The native work that needs no namespaces. Two implementations: the addon (in this process, on threads) and the helper in plain mode.
 * Every call fails with a TsbuildError NATIVE_FAILURE whose cause has `errno`, `syscall` and `path`, or with the signal's reason when aborted.
 * What a failed or aborted call had begun to write is removed.
 */
export interface NativeOps extends AsyncDisposable {
  list(request: ListRequest, signal?: AbortSignal): Promise<ListReply>
  hash(request: HashRequest, signal?: AbortSignal): Promise<HashedFile[]>
  pack(request: PackRequest, signal?: AbortSignal): Promise<PackReply>
  index(request: IndexRequest, signal?: AbortSignal): Promise<IndexReply>
  read(request: ReadRequest, signal?: AbortSignal): Promise<Uint8Array>
  clone(request: CloneRequest, signal?: AbortSignal): Promise<void>
  flatten(request: FlattenRequest, signal?: AbortSignal): Promise<FlattenReply>
  /** Resolves once the lock is held. With `wait: false`, undefined when somebody else holds it. The kernel drops it when this process dies. */
  lock(request: LockRequest, options?: LockOptions): Promise<HeldLock | undefined>
}

export interface LockOptions {
  readonly wait?: boolean
  readonly signal?: AbortSignal | undefined
  /** Called once when the lock is not free at once. */
  readonly onWait?: (() => void) | undefined
}

export interface HeldLock extends AsyncDisposable {
  release(): Promise<void>
}
