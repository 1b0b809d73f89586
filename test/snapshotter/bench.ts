import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Helper, type Ids, startHelper } from '../../native/helper.ts'
import type { NativeOps } from '../../native/ops.ts'
import { openPlainHelper } from '../../native/plain-helper.ts'
import type { Stacking } from '../../native/requests/trees.ts'
import type { SnapshotterDeps, SnapshotterOptions } from '../../snapshotter/deps.ts'
import { openSnapshotter } from '../../snapshotter/open.ts'
import type { ActiveSnapshot, LayerBlob, Sealed, Snapshotter } from '../../snapshotter/snapshotter.ts'
import { LayerMaker, lineOf, readToc, type TocEntry } from './layers.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const HELPER = join(root, 'native/build/Release/tsbuild-sandbox')

/** Why snapshots cannot be tested here, if so. */
export function missingForSnapshots(): string | undefined {
  if (!existsSync(HELPER)) return 'the helper is not built (npm run native)'
  return existsSync('/bin/busybox') ? undefined : 'no /bin/busybox (Debian: busybox-static)'
}

async function startOptions(env: Readonly<Record<string, string>>) {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  return { path: HELPER, version, env }
}

/** A store of its own with a helper, for one suite. */
export interface Bench {
  readonly root: string
  readonly helper: Helper
  readonly ops: NativeOps
  readonly layers: LayerMaker
  readonly options: SnapshotterOptions
  readonly deps: SnapshotterDeps
  readonly snapshots: Snapshotter
  /** Another process's view of the same store, as it were. */
  open(options?: Partial<SnapshotterOptions>, deps?: Partial<SnapshotterDeps>): Promise<Snapshotter>
  close(): Promise<void>
}

export async function openBench(stacking: Stacking, env: Readonly<Record<string, string>> = {}, ids: Ids = 'auto'): Promise<Bench> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tsb-')))
  await mkdir(join(folder, 'layers'))
  const start = await startOptions(env)
  const helper = await startHelper({ ...start, ids })
  const ops = await openPlainHelper(start)
  const options = { root: folder, fingerprint: 'test', stacking, bootId: 'this boot' }
  const deps = { helper: async () => helper, ops, now: Date.now, newId: () => randomUUID().slice(0, 8) }
  const open: Bench['open'] = (o = {}, d = {}) => openSnapshotter({ ...options, ...o }, { ...deps, ...d })
  return {
    root: folder,
    helper,
    ops,
    layers: new LayerMaker(join(folder, 'layers'), ops),
    options,
    deps,
    snapshots: await open(),
    open,
    close: async () => {
      await helper.remove(['snapshots', 'steps'].map((name) => join(folder, name)))
      await helper[Symbol.asyncDispose]()
      await ops[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** Runs shell text in an active tree and returns what it printed; fails the test when it does not exit with 0. */
export async function shell(active: ActiveSnapshot, script: string): Promise<string> {
  const output: Uint8Array[] = []
  const step = {
    argv: ['/bin/sh', '-ec', script],
    env: ['PATH=/bin'],
    cwd: '/',
    uid: 0,
    gid: 0,
    groups: [],
    hostname: 'test',
    network: 'none',
    hosts: '',
    resolvConf: '',
    noNewPrivileges: false,
    stdin: false,
    insecure: false,
    shmSize: 64 << 20,
    emulation: undefined,
    limits: [],
    mounts: [],
  } as const
  const write = (bytes: Uint8Array) => void output.push(bytes)
  const { exit, signal } = await active.run(step, { stdout: write, stderr: write })
  const text = Buffer.concat(output).toString('latin1')
  if (exit !== 0) throw new Error(`exit ${exit}, signal ${signal}: ${text}`)
  return text
}

/** A sealed step: the layer as a blob (undefined for no change) and its entries. */
export interface SealedStep {
  readonly sealed: Sealed
  readonly blob: LayerBlob | undefined
  readonly entries: readonly TocEntry[]
  readonly lines: readonly string[]
}

export async function seal(bench: Bench, active: ActiveSnapshot): Promise<SealedStep> {
  const output = bench.layers.file(randomUUID())
  const sealed = await active.seal({ output, toc: `${output}.toc`, codec: 'gzip', level: 0, threads: 1 })
  if (sealed.kind === 'empty') return { sealed, blob: undefined, entries: [], lines: [] }
  const entries = await readToc(`${output}.toc`)
  return { sealed, blob: { diffID: sealed.diffID, path: output, codec: 'gzip' }, entries, lines: entries.map(lineOf) }
}

/** Runs `script` on top of `layers` and seals it. */
export async function change(bench: Bench, layers: readonly LayerBlob[], script: string): Promise<SealedStep> {
  await using active = await bench.snapshots.begin(layers)
  await shell(active, script)
  return await seal(bench, active)
}
