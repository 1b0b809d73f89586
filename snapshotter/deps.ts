import type { NativeOps } from '../native/ops.ts'
import type { IndexReply } from '../native/requests/layers.ts'
import type { SealReply, SealRequest, Stacking, StepReply, StepRequest, TreeRequest, UnpackRequest } from '../native/requests/trees.ts'
import type { Bytes } from '../native/wire.ts'
import type { ChainID } from '../registry/oci/chain-id.ts'
import type { DiffID } from '../registry/oci/digest.ts'
import type { StepOutput } from './snapshotter.ts'

/** What the snapshotter asks of the helper process; native/helper.ts has it. Each call fails with NATIVE_FAILURE or the signal's reason. */
export interface TreeHelper {
  begin(tree: TreeRequest, signal?: AbortSignal): Promise<void>
  unpack(request: UnpackRequest, signal?: AbortSignal): Promise<IndexReply>
  step(request: StepRequest, output: StepOutput, signal?: AbortSignal): Promise<StepReply>
  seal(request: SealRequest, signal?: AbortSignal): Promise<SealReply>
  remove(paths: readonly Bytes[], signal?: AbortSignal): Promise<void>
}

export interface SnapshotterOptions {
  /** Root folder of the store. */
  readonly root: string
  /** Names the ids that the trees were unpacked with: trees of another id map are other trees. A plain folder name. */
  readonly fingerprint: string
  readonly stacking: Stacking
  /** Boot of this machine (/proc/sys/kernel/random/boot_id): what another boot left is not believed. */
  readonly bootId: string
}

export interface SnapshotterDeps {
  /** Started at the first call, and always the same one. */
  readonly helper: () => Promise<TreeHelper>
  readonly ops: Pick<NativeOps, 'lock'>
  /** Where tables of contents go that unpacking makes on the side; without it they are not made. */
  readonly tocs?: TocSink | undefined
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** A unique name for a folder. */
  readonly newId: () => string
  /** Called once when another process is unpacking what is needed here. */
  readonly onWait?: ((name: ChainID) => void) | undefined
}

export interface TocSink {
  has(diffID: DiffID): boolean
  /** A path for a new file. */
  temporary(): Promise<string>
  /** The file is the table of contents of this layer. */
  adopt(temporary: string, diffID: DiffID): Promise<void>
}
