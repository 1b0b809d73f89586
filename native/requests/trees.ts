import { type Bytes, type Reader, Writer } from '../wire.ts'
import { codeOfCodec } from './fields.ts'
import { type BlobSource, decodePack, type PackOptions, type PackReply, writePackOptions } from './layers.ts'
import { type StepMount, writeMount } from './mounts.ts'

/** What one place allows. `ok` false comes with the reason in `detail` ("EPERM: unshare"). */
export interface Fact {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}
/** `scratch` is an empty folder in which overlayfs is tried; '' leaves it untried. */
export function encodeProbe(scratch: Bytes): Uint8Array {
  return new Writer().bytes(scratch).take()
}
export function decodeProbe(r: Reader): Fact[] {
  return r.list(() => ({ name: r.bytes(), ok: r.u8() === 1, detail: r.bytes() }))
}

/** How trees are stacked. 'copy' trees are whole: `lowers` then has at most one. */
export type Stacking = 'overlay' | 'copy'
const STACKINGS: readonly Stacking[] = ['overlay', 'copy']

/**
 * A file-system state under construction: `active` is a folder of ours (mode 0700) that holds `fs` (the upper, or the whole tree), `owners` and,
 * while in use, `work`, `merged`, `lower` and `walk`. `lowers` are the folders of the sealed parents, the topmost first; each holds `fs` and `owners`.
 */
export interface TreeRequest {
  readonly stacking: Stacking
  readonly lowers: readonly Bytes[]
  readonly active: Bytes
}
export function writeTree(w: Writer, tree: TreeRequest): Writer {
  w.u8(STACKINGS.indexOf(tree.stacking)).list(tree.lowers, (path) => w.bytes(path))
  return w.bytes(tree.active)
}
/** Makes `fs` with the root directory's metadata of the parent (and, for 'copy', all of its files). */
export function encodeBegin(tree: TreeRequest): Uint8Array {
  return writeTree(new Writer(), tree).take()
}

/** Applies a layer to a begun tree. The reply is an IndexReply: the caller compares the diffID. */
export interface UnpackRequest extends TreeRequest {
  readonly blob: BlobSource
  /** New file for the table of contents, or ''. */
  readonly toc: Bytes
}
export function encodeUnpack(request: UnpackRequest): Uint8Array {
  const w = writeTree(new Writer(), request)
  return w.bytes(request.blob.path).u8(codeOfCodec(request.blob.codec)).bytes(request.toc).take()
}

/** How a step has programs of another architecture executed. */
export interface Emulation {
  /** As image-spec has it (Go's GOARCH). */
  readonly architecture: string
  /** Absolute path, without a link, of a static program that executes them; '' is what the machine has registered itself. */
  readonly emulator: Bytes
  /** What the machine has registered will do where the step cannot have a registration of its own. */
  readonly mayUseHost: boolean
}

/** One command over a begun tree. */
export interface StepRequest extends TreeRequest {
  readonly argv: readonly Bytes[]
  /** NAME=value, in order. PATH in it is used to find argv[0]. */
  readonly env: readonly Bytes[]
  /** Absolute, as the step sees it; made where it is missing, and then part of the step's changes. */
  readonly cwd: Bytes
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  readonly hostname: Bytes
  readonly network: 'host' | 'none'
  /** Contents of /etc/hosts and /etc/resolv.conf, mounted so that no trace stays in the tree. */
  readonly hosts: Bytes
  readonly resolvConf: Bytes
  readonly noNewPrivileges: boolean
  /** False: standard input is empty. True: STDIN frames follow. */
  readonly stdin: boolean
  /** True: all capabilities of its own user namespace, no filter of system calls, nothing of /proc and /sys hidden. */
  readonly insecure: boolean
  /** Bytes of /dev/shm. */
  readonly shmSize: number
  /** setrlimit(2) by number; -1: no limit. */
  readonly limits: readonly { readonly resource: number; readonly soft: number; readonly hard: number }[]
  readonly mounts: readonly StepMount[]
  /** Undefined: the machine executes what is in the tree. */
  readonly emulation: Emulation | undefined
}
export function encodeStep(request: StepRequest): Uint8Array {
  const w = writeTree(new Writer(), request)
  w.list(request.argv, (word) => w.bytes(word)).list(request.env, (word) => w.bytes(word))
  w.bytes(request.cwd)
    .u32(request.uid)
    .u32(request.gid)
    .list(request.groups, (gid) => w.u32(gid))
  w.bytes(request.hostname)
    .u8(request.network === 'host' ? 0 : 1)
    .bytes(request.hosts)
    .bytes(request.resolvConf)
  return w
    .u8(request.noNewPrivileges ? 1 : 0)
    .u8(request.stdin ? 1 : 0)
    .u8(request.insecure ? 1 : 0)
    .u64(request.shmSize)
    .list(request.limits, ({ resource, soft, hard }) => writeLimit(writeLimit(w.u32(resource), soft), hard))
    .list(request.mounts, (mount) => writeMount(w, mount))
    .bytes(request.emulation?.architecture ?? '')
    .bytes(request.emulation?.emulator ?? '')
    .u8(request.emulation?.mayUseHost ? 1 : 0)
    .take()
}
function writeLimit(w: Writer, value: number): Writer {
  return value < 0 ? w.u32(0xffffffff).u32(0xffffffff) : w.u64(value)
}
/** How the command ended: by `exit` code, or by `signal` (0 when it exited). */
export interface StepReply {
  readonly exit: number
  readonly signal: number
}
export function decodeStep(r: Reader): StepReply {
  return { exit: r.i32(), signal: r.i32() }
}

/** The difference between a begun tree and its parent -> layer. With no difference `changes` is 0 and neither blob nor table of contents is made. */
export interface SealRequest extends TreeRequest, PackOptions {
  readonly output: Bytes
  readonly toc: Bytes
}
export interface SealReply extends PackReply {
  readonly changes: number
}
export function encodeSeal(request: SealRequest): Uint8Array {
  const w = writeTree(new Writer(), request)
  w.bytes(request.output).bytes(request.toc)
  writePackOptions(w, request)
  return w.take()
}
export function decodeSeal(r: Reader): SealReply {
  return { changes: r.u64(), ...decodePack(r) }
}

/** Removes or measures whole trees, whoever owns what is in them. Paths that are gone already are fine. */
export function encodePaths(paths: readonly Bytes[]): Uint8Array {
  const w = new Writer()
  return w.list(paths, (path) => w.bytes(path)).take()
}
/** Bytes on the disk, for each path asked. */
export function decodeMeasure(r: Reader): number[] {
  return r.list(() => r.u64())
}
