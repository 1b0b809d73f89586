import { nativeCauseOf } from '../../native/failure.ts'
import type { Emulation, StepReply } from '../../native/requests/trees.ts'
import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Emit } from '../../registry/oci/event.ts'
import type { ActiveSnapshot, StepOutput } from '../../snapshotter/snapshotter.ts'
import type { BuildDeps } from '../deps.ts'
import type { RunOperation } from '../plan/graph.ts'
import { hostsFile, nameOf, stepEnvironment } from './environment.ts'
import { explainExit, type StepFiles, signalName } from './exits.ts'
import { LIMITS } from './limits.ts'
import type { OpenMounts } from './mounts.ts'
import { Masking } from './secrets.ts'
import type { StepUser } from './users.ts'

/** What /etc/hosts and /etc/resolv.conf say inside a step. */
export interface StepNetwork {
  readonly resolvConf: string
  /** Further lines of /etc/hosts: --add-host. */
  readonly extraHosts: readonly string[]
}

/** Output lines that an error repeats. */
const TAIL_LINES = 10
const TAIL_BYTES = 16 << 10

/** Runs the command of a RUN in a begun snapshot. Throws RUN_FAILED with its exit code or signal, RUN_NO_COMMAND when there is nothing to execute. */
export async function runStep(
  operation: RunOperation,
  active: ActiveSnapshot,
  context: {
    readonly step: string
    readonly user: StepUser
    readonly network: StepNetwork
    readonly emulation: Emulation | undefined
    readonly emit: Emit
    readonly settled: BuildDeps['settled']
    readonly open: Pick<OpenMounts, 'mounts' | 'env' | 'masked' | 'groups'>
    readonly signal: AbortSignal
    /** What the step began with, to explain a failure. */
    readonly files?: StepFiles | undefined
  },
): Promise<void> {
  const tail = new Tail()
  const { open } = context
  const show = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => {
    if (bytes.length === 0) return undefined
    tail.add(bytes)
    context.emit({ kind: 'log', step: context.step, stream, bytes })
    return context.settled()
  }
  const maskings = { stdout: new Masking(open.masked), stderr: new Masking(open.masked) }
  const log = (stream: 'stdout' | 'stderr') => (bytes: Uint8Array) => show(stream, maskings[stream].pass(bytes))
  const { uid, gid, groups } = context.user
  const command = {
    argv: operation.argv.map(bytesOfText),
    env: environment(operation, open, context.user),
    cwd: bytesOfText(operation.cwd),
    uid,
    gid,
    groups: [...new Set([...groups, ...open.groups])],
    hostname: operation.hostname,
    network: operation.network,
    hosts: hostsFile(operation.hostname, context.network.extraHosts),
    resolvConf: operation.network === 'host' ? bytesOfText(context.network.resolvConf) : '',
    noNewPrivileges: false,
    stdin: false,
    insecure: operation.insecure,
    shmSize: operation.shmSize,
    limits: operation.limits.map(({ name, soft, hard }) => ({ resource: LIMITS[name], soft, hard })),
    mounts: open.mounts,
    emulation: context.emulation,
  }
  const output: StepOutput = { stdout: log('stdout'), stderr: log('stderr') }
  const reply = await active.run(command, output, context.signal).catch((error: unknown) => {
    throw noCommand(operation.argv, error) ?? limitRefused(operation, error) ?? error
  })
  for (const stream of ['stdout', 'stderr'] as const) await show(stream, maskings[stream].rest())
  if (reply.exit === 0 && reply.signal === 0) return
  const lines = tail.lines()
  throw failed(operation, reply, lines, await explainExit(reply, lines, { ...operation, files: context.files }))
}

/** The stage's variables and those of secrets, which win; then what is hidden from the key, and the socket of an agent, unless they are set. */
function environment(operation: RunOperation, open: Pick<OpenMounts, 'env'>, user: StepUser): Bytes[] {
  const [sockets, secrets] = [open.env.filter(isSocket), open.env.filter((item) => !isSocket(item))]
  const env = stepEnvironment([...operation.env.map(bytesOfText), ...secrets], bytesOfText(user.home))
  const names = new Set(env.map(nameOf))
  return [...env, ...[...operation.hiddenEnv.map(bytesOfText), ...sockets].filter((item) => !names.has(nameOf(item)))]
}

function isSocket(item: string): boolean {
  return nameOf(item) === 'SSH_AUTH_SOCK'
}

function failed(operation: RunOperation, reply: StepReply, lines: readonly string[], hint: string | undefined): TsbuildError {
  const how = reply.signal === 0 ? `exit code: ${reply.exit}` : `killed by signal ${reply.signal}${inBrackets(signalName(reply.signal))}`
  return new TsbuildError('RUN_FAILED', `process ${JSON.stringify(operation.argv.join(' '))} did not complete successfully: ${how}`, {
    at: operation.at,
    hint,
    cause: lines.length === 0 ? undefined : { output: lines },
  })
}

function inBrackets(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`
}

/** The error for a command that could not be started at all; undefined for any other failure. */
export function noCommand(argv: readonly string[], error: unknown): TsbuildError | undefined {
  const native = nativeCauseOf(error)
  if (native?.syscall !== 'exec') return undefined
  const name = JSON.stringify(native.path === '' ? argv[0] : native.path)
  const [why, hint] = REASONS[native.code] ?? [`failed (${native.code})`, undefined]
  return new TsbuildError('RUN_NO_COMMAND', `cannot execute ${name}: it ${why}`, { hint, cause: native })
}

function limitRefused({ limits }: RunOperation, error: unknown): TsbuildError | undefined {
  const native = nativeCauseOf(error)
  const limit = native?.syscall === 'setrlimit' ? limits.find(({ name }) => String(LIMITS[name]) === native.path) : undefined
  if (limit === undefined) return undefined
  return new TsbuildError('LIMIT_REFUSED', `--ulimit ${limit.name}=${limit.soft}:${limit.hard}: the kernel refuses it (${native?.code})`, {
    cause: native,
    hint: `a hard limit can only be lowered by a process without privileges: see ulimit -H for what is allowed here`,
  })
}

const REASONS: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOENT: ['is not in the image', 'command not found: check the name and PATH, or install it in an earlier step'],
  EACCES: ['is not executable', 'check its mode, and that it is no directory'],
  ELIBACC: [
    'needs an interpreter or loader that is not in the image',
    'no such interpreter: check its #! line; a dynamic program needs its libc in the image',
  ],
  E2BIG: [
    'has more arguments or environment than the kernel takes',
    'one of them holds 128 KiB, all together 2 MiB; put long texts into files',
  ],
  ENOEXEC: ['is no program for this machine', 'check the architecture of the image, or add a #! line'],
}

/** The last lines of an output, bounded: a buffer that is filled, and begun again with its second half. */
class Tail {
  readonly #bytes = Buffer.alloc(2 * TAIL_BYTES)
  #end = 0

  add(bytes: Uint8Array): void {
    const last = bytes.subarray(-TAIL_BYTES)
    if (this.#end + last.length > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#end - TAIL_BYTES, this.#end)
      this.#end = TAIL_BYTES
    }
    this.#bytes.set(last, this.#end)
    this.#end += last.length
  }

  lines(): string[] {
    const lines = this.#bytes.toString('utf8', Math.max(0, this.#end - TAIL_BYTES), this.#end).split('\n')
    if (lines.at(-1) === '') lines.pop()
    return lines.slice(-TAIL_LINES)
  }
}
