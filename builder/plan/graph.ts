import type { SourceRange } from '../../registry/oci/error.ts'
import type { Platform } from '../../registry/oci/platform.ts'
import type { BaseImage } from '../deps.ts'
import type { Device } from '../dockerfile/device.ts'
import type { Sharing } from '../dockerfile/mount.ts'
import type { Limit } from '../steps/limits.ts'

/**
 * What a build has to do, one node for each thing that makes or changes a file system. Instructions that only describe the image (ENV, LABEL, CMD, ...)
 * are no operations: they are in the `StagePlan`, and in what the operations after them can see. All variables are expanded by now.
 */
export type Operation = SourceOperation | Step

/** An operation that makes a layer. */
export type Step = MkdirOperation | RunOperation | CopyOperation

interface OperationBase {
  readonly id: number
  /** Operations whose results this one reads; the first is the parent whose file system it goes on with, where it has one. */
  readonly inputs: readonly number[]
  /** Name of the step as people see it: `[build 2/4] RUN make`. */
  readonly name: string
  readonly at: SourceRange
  readonly platform: Platform
  /** Name of the stage that it is a step of, in lower case. */
  readonly stage?: string | undefined
}

/** A base image, or nothing at all (`image` undefined: scratch). */
export interface SourceOperation extends OperationBase {
  readonly kind: 'source'
  readonly image: BaseImage | undefined
}

/** WORKDIR: the directory is there afterwards. */
export interface MkdirOperation extends OperationBase {
  readonly kind: 'mkdir'
  /** Absolute. */
  readonly path: string
  readonly user: string
  /** Seconds since the epoch for directories that are made. */
  readonly time: number
}

export interface RunOperation extends OperationBase {
  readonly kind: 'run'
  readonly argv: readonly string[]
  readonly env: readonly string[]
  /** Names of those that are build arguments. */
  readonly args: ReadonlySet<string>
  /** Variables that reach the command but not the key: proxies. */
  readonly hiddenEnv: readonly string[]
  readonly user: string
  readonly cwd: string
  readonly network: 'host' | 'none'
  /** All capabilities of its user namespace, no filter of system calls. */
  readonly insecure: boolean
  readonly hostname: string
  /** Bytes of /dev/shm. */
  readonly shmSize: number
  readonly limits: readonly Limit[]
  readonly mounts: readonly RunMount[]
  readonly devices: readonly RunDevice[]
  /** A heredoc that begins with `#!`: the file of this name below SCRIPT_FOLDER, whose path is the last of argv. */
  readonly script: InlineFile | undefined
}

export interface RunDevice extends Device {
  readonly at: SourceRange
}

/** Of a RUN that is told no other: BuildKit's. */
export const DEFAULT_HOSTNAME = 'buildkitsandbox'

/** Where a RUN finds its script. */
export const SCRIPT_FOLDER = '/dev/pipes'

export interface MountOwner {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** One --mount of a RUN. `target` is absolute; `input` and `seed` are positions in `inputs`; `source` is a path in that tree, '' for all of it. */
export type RunMount =
  | { readonly kind: 'bind'; readonly target: string; readonly readOnly: boolean; readonly input: number; readonly source: string }
  | (MountOwner & {
      readonly kind: 'cache'
      readonly target: string
      readonly readOnly: boolean
      readonly id: string
      readonly sharing: Sharing
      readonly seed: number | undefined
      readonly source: string
    })
  | { readonly kind: 'tmpfs'; readonly target: string; readonly readOnly: boolean; readonly size: number }
  /** `target` undefined: no file; `env` undefined: no variable. */
  | (Granted & { readonly kind: 'secret'; readonly env: string | undefined })
  /** `target` undefined: a path of our choice. */
  | (Granted & { readonly kind: 'ssh' })

/** What the caller of the build lends to a step: never part of a key. */
export interface Granted extends MountOwner {
  readonly target: string | undefined
  readonly readOnly: boolean
  readonly id: string
  readonly required: boolean
  readonly at: SourceRange
}

/** A file that the Dockerfile itself holds (heredoc). */
export interface InlineFile {
  readonly name: string
  readonly content: string
}

/** COPY and ADD. */
export interface CopyOperation extends OperationBase {
  readonly kind: 'copy'
  /** True for ADD: local archives are unpacked, URLs and repositories are fetched. */
  readonly add: boolean
  /** `--unpack`; undefined is true for what is local, false for what comes from a URL. */
  readonly unpack: boolean | undefined
  /** Of the one source of an ADD: `sha256:...` of a URL, a commit or its beginning of a repository. */
  readonly checksum: string | undefined
  readonly keepGitDir: boolean | undefined
  /** Where the sources are: the context, the result of inputs[1], or the files of a named context. */
  readonly from: 'context' | 'operation' | { readonly context: string }
  /** How messages call where the sources are. */
  readonly fromLabel: string
  readonly sources: readonly string[]
  /** Where each of them, and --chown, stands in the Dockerfile. */
  readonly sourcesAt?: readonly SourceRange[]
  readonly chownAt?: SourceRange
  readonly inline: readonly InlineFile[]
  /** Patterns of --exclude. */
  readonly exclude: readonly string[]
  /** --parents: what is chosen keeps the directories it is in. */
  readonly parents: boolean
  /** --link: the layer is made over nothing, and does not depend on what is below it. */
  readonly link: boolean
  /** Absolute; a trailing slash means that it is a directory. */
  readonly destination: string
  readonly chown: string | undefined
  readonly chmod: string | undefined
  /** Seconds since the epoch for directories that are made on the way. */
  readonly time: number
}

/** A COPY that takes everything as it is. */
export const PLAIN_COPY = {
  kind: 'copy',
  add: false,
  unpack: undefined,
  checksum: undefined,
  keepGitDir: undefined,
  inline: [],
  exclude: [],
  parents: false,
  link: false,
  chown: undefined,
  chmod: undefined,
  time: 0,
} as const

/** One entry of the image history and the operation that made its layer, if it made one. */
export interface PlannedHistory {
  readonly createdBy: string
  readonly operation: number | undefined
}
