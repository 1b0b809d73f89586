import type { SourceRange } from '../../registry/oci/error.ts'
import type { RuleName } from '../check/rule.ts'

/**
 * What a Dockerfile says, one object an instruction. Everything is as written: variables are not expanded, quotes and escapes of words that are
 * expanded later (ENV, ARG, LABEL, COPY, WORKDIR, ...) are still there, because only expansion may remove them (expand.ts).
 */
export type Instruction =
  | FromInstruction
  | RunInstruction
  | CopyInstruction
  | AddInstruction
  | EnvInstruction
  | ArgInstruction
  | WorkdirInstruction
  | UserInstruction
  | LabelInstruction
  | ExposeInstruction
  | VolumeInstruction
  | CmdInstruction
  | EntrypointInstruction
  | ShellInstruction
  | StopsignalInstruction
  | HealthcheckInstruction
  | MaintainerInstruction
  | OnbuildInstruction

export type InstructionKind = Instruction['kind']

/** What every instruction has. */
export interface InstructionBase {
  /** First to last line, heredoc bodies included. */
  readonly at: SourceRange
  /** The instruction on one line as written: continuations joined, comments inside it dropped, no heredoc bodies. */
  readonly source: string
  /** Flags as written, in order, for messages that point at one. Their meaning is in the typed fields. */
  readonly flags: readonly FlagUse[]
  /** Comment lines directly above, without `#`; for `# check=` and descriptions of stages and arguments. */
  readonly comments: readonly string[]
}

/** One `--name[=value]` with quotes and escapes removed. */
export interface FlagUse {
  readonly name: string
  /** Undefined for a bare `--name`. */
  readonly value: string | undefined
  readonly at: SourceRange
}

/** JSON form, or text for the shell in force. Neither is ever expanded by the builder. */
export type Command = { readonly form: 'exec'; readonly argv: readonly string[] } | { readonly form: 'shell'; readonly text: string }

/** One `<<NAME` and the lines up to its terminator. */
export interface Heredoc {
  readonly name: string
  /** The number before `<<`; 0 when there is none. */
  readonly fd: number
  /** False when any part of the name was quoted: the content is then taken as it is. */
  readonly expand: boolean
  /** `<<-`: leading tabs of each line go away when used (`heredocText` in heredoc.ts). */
  readonly stripTabs: boolean
  /** The lines as they stand in the file, each with its line end; empty when there are none. */
  readonly content: string
}

/** `key=value` of ENV, LABEL; both are expanded. */
export interface Pair {
  readonly key: string
  readonly value: string
}

export interface FromInstruction extends InstructionBase {
  readonly kind: 'from'
  /** Image, stage or `scratch`; may hold variables. */
  readonly image: string
  readonly platform?: string | undefined
  /** Name after AS, in lower case. */
  readonly stageName?: string | undefined
}

export interface RunInstruction extends InstructionBase {
  readonly kind: 'run'
  /** With heredocs (shell form only), `runForm` in heredoc.ts says what the shell receives. */
  readonly command: Command
  /** Values of `--mount`, not yet read: `type=cache,target=/x`. */
  readonly mounts: readonly string[]
  readonly network?: 'default' | 'none' | 'host' | undefined
  readonly security?: 'sandbox' | 'insecure' | undefined
  readonly devices: readonly string[]
  readonly heredocs: readonly Heredoc[]
}

interface Transfer extends InstructionBase {
  /** Paths (and URLs of ADD) without the heredocs. */
  readonly sources: readonly string[]
  readonly destination: string
  readonly chown?: string | undefined
  readonly chmod?: string | undefined
  readonly link: boolean
  readonly exclude: readonly string[]
  /** Sources that are written in the Dockerfile: a file called `name` each. */
  readonly heredocs: readonly Heredoc[]
}

export interface CopyInstruction extends Transfer {
  readonly kind: 'copy'
  /** Stage name, stage index or image as written; holds no variables. */
  readonly from?: string | undefined
  readonly parents: boolean
}

export interface AddInstruction extends Transfer {
  readonly kind: 'add'
  readonly checksum?: string | undefined
  readonly keepGitDir?: boolean | undefined
  /** Undefined: a local archive is unpacked, a downloaded one is not. */
  readonly unpack?: boolean | undefined
}

export interface EnvInstruction extends InstructionBase {
  readonly kind: 'env'
  readonly pairs: readonly Pair[]
  /** Written as `ENV key rest of line`. */
  readonly legacy: boolean
}

export interface LabelInstruction extends InstructionBase {
  readonly kind: 'label'
  readonly pairs: readonly Pair[]
  readonly legacy: boolean
}

export interface ArgInstruction extends InstructionBase {
  readonly kind: 'arg'
  /** In order; `value` (the default) is undefined for a bare name. Only values are expanded. */
  readonly args: readonly { readonly key: string; readonly value: string | undefined }[]
}

export interface WorkdirInstruction extends InstructionBase {
  readonly kind: 'workdir'
  readonly path: string
}

export interface UserInstruction extends InstructionBase {
  readonly kind: 'user'
  readonly user: string
}

export interface ExposeInstruction extends InstructionBase {
  readonly kind: 'expose'
  /** Words; each may become several once expanded (`readPort` in ports.ts reads one). */
  readonly ports: readonly string[]
}

export interface VolumeInstruction extends InstructionBase {
  readonly kind: 'volume'
  readonly paths: readonly string[]
}

export interface CmdInstruction extends InstructionBase {
  readonly kind: 'cmd'
  /** `argv` may be empty: `CMD []` removes the command. */
  readonly command: Command
}

export interface EntrypointInstruction extends InstructionBase {
  readonly kind: 'entrypoint'
  /** `argv` may be empty: `ENTRYPOINT []` removes the entry point. */
  readonly command: Command
}

export interface ShellInstruction extends InstructionBase {
  readonly kind: 'shell'
  readonly argv: readonly string[]
}

export interface StopsignalInstruction extends InstructionBase {
  readonly kind: 'stopsignal'
  readonly signal: string
}

export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: 'healthcheck'
  /** Undefined for `HEALTHCHECK NONE`. */
  readonly command?: Command | undefined
  /** Nanoseconds, as the image config has them; 0 or undefined: inherit. */
  readonly intervalNs?: number | undefined
  readonly timeoutNs?: number | undefined
  readonly startPeriodNs?: number | undefined
  readonly startIntervalNs?: number | undefined
  readonly retries?: number | undefined
}

export interface MaintainerInstruction extends InstructionBase {
  readonly kind: 'maintainer'
  readonly name: string
}

export interface OnbuildInstruction extends InstructionBase {
  readonly kind: 'onbuild'
  /** What the image config stores: the instruction with its heredocs, verbatim. */
  readonly trigger: string
  readonly instruction: Exclude<Instruction, FromInstruction | MaintainerInstruction | OnbuildInstruction>
}

export interface Directives {
  /** The whole value of `# syntax=`; its first word is the reference. */
  readonly syntax?: string | undefined
  /** Where that stands, when it is a directive. */
  readonly syntaxAt?: SourceRange | undefined
  readonly escape: '\\' | '`'
  /** The value of `# check=` (builder/check/options.ts). */
  readonly check?: string | undefined
  readonly checkAt?: SourceRange | undefined
}

/** Something odd that does not stop the build, as reading and expanding the file find it. */
export interface Warning {
  readonly rule: RuleName
  readonly message: string
  readonly at: SourceRange
  /** The name at fault. */
  readonly symbol?: string | undefined
}

export interface ParsedDockerfile {
  readonly file: string
  readonly directives: Directives
  readonly instructions: readonly Instruction[]
  readonly warnings: readonly Warning[]
}
