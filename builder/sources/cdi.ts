import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import * as v from 'valibot'
import { isErrno, TsbuildError } from '../../registry/oci/error.ts'

/** What a step gets by one device. Paths are of this machine unless they say otherwise. */
export interface DeviceEdits {
  /** NAME=value. */
  readonly env: readonly string[]
  /** `target` is as the step sees it. Device nodes among them. */
  readonly binds: readonly { readonly path: string; readonly target: string; readonly readOnly: boolean }[]
  readonly groups: readonly number[]
  /** Programs of the host that the specification would run, and that are not run. */
  readonly hooks: readonly string[]
}

const Edits = v.object({
  env: v.optional(v.array(v.string()), []),
  deviceNodes: v.optional(v.array(v.object({ path: v.string(), hostPath: v.optional(v.string()) })), []),
  mounts: v.optional(
    v.array(v.object({ hostPath: v.string(), containerPath: v.string(), options: v.optional(v.array(v.string()), []) })),
    [],
  ),
  hooks: v.optional(v.array(v.object({ path: v.string() })), []),
  additionalGids: v.optional(v.array(v.number()), []),
})
const Annotations = v.optional(v.record(v.string(), v.unknown()), {})
const Device = v.object({ name: v.string(), annotations: Annotations, containerEdits: v.optional(Edits, {}) })
const Spec = v.object({ kind: v.string(), annotations: Annotations, devices: v.array(Device), containerEdits: v.optional(Edits, {}) })
type Spec = v.InferOutput<typeof Spec>
type Device = v.InferOutput<typeof Device>

/** BuildKit's annotation: devices of several kinds that do for one purpose. */
const CLASS = 'org.mobyproject.buildkit.device.class'

const MAX_SPEC_BYTES = 4 << 20

/**
 * The device of this name, or all of this class, in the specifications (`*.json`, `*.yaml`) of these folders, those of later folders first; undefined where
 * there is none. Container Device Interface specification 0.8. Throws CDI_INVALID for a file on the way that cannot be read.
 */
export async function findDevice(name: string, folders: readonly string[]): Promise<DeviceEdits | undefined> {
  const [kind = '', wanted] = name.split('=')
  const isWanted = (device: Device, index: number) => wanted === '*' || (wanted === undefined ? index === 0 : device.name === wanted)
  const ofClass: v.InferOutput<typeof Edits>[] = []
  for await (const spec of specsOf(folders)) {
    const devices = spec.kind === kind ? spec.devices.filter(isWanted) : []
    if (devices.length > 0) return joined(editsOf(spec, devices))
    ofClass.push(...editsOf(spec, devicesOfClass(spec, name)))
  }
  return ofClass.length === 0 ? undefined : joined(ofClass)
}

function devicesOfClass({ annotations, devices }: Spec, name: string): Device[] {
  return devices.filter((device) => ({ ...annotations, ...device.annotations })[CLASS] === name)
}

/** With what the specification says for all of its devices. */
function editsOf({ containerEdits: shared }: Spec, devices: readonly Device[]): v.InferOutput<typeof Edits>[] {
  return devices.length === 0 ? [] : [shared, ...devices.map(({ containerEdits }) => containerEdits)]
}

async function* specsOf(folders: readonly string[]): AsyncGenerator<Spec> {
  for (const folder of [...folders].reverse()) for (const file of await specFiles(folder)) yield await readSpec(join(folder, file))
}

async function specFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => ['.json', '.yaml', '.yml'].includes(extname(name))).sort()
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR') || isErrno(error, 'EACCES')) return []
    throw error
  }
}

async function readSpec(path: string): Promise<Spec> {
  const bytes = await readFile(path)
  if (bytes.length > MAX_SPEC_BYTES) throw invalid(path, `it is larger than ${MAX_SPEC_BYTES} bytes`)
  const text = bytes.toString('utf8')
  try {
    const document: unknown = path.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text, { maxAliasCount: 100 })
    return v.parse(Spec, document)
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message.split('\n')[0] : String(cause))
  }
}

function invalid(path: string, why: string | undefined): TsbuildError {
  return new TsbuildError('CDI_INVALID', `${path} is no device specification: ${why}`, {
    hint: 'mend or remove it; see the Container Device Interface',
  })
}

function joined(edits: readonly v.InferOutput<typeof Edits>[]): DeviceEdits {
  return {
    env: edits.flatMap(({ env }) => env),
    binds: edits.flatMap(({ deviceNodes, mounts }) => [
      ...deviceNodes.map(({ path, hostPath }) => ({ path: hostPath ?? path, target: path, readOnly: false })),
      ...mounts.map(({ hostPath, containerPath, options }) => ({
        path: hostPath,
        target: containerPath,
        readOnly: options.includes('ro'),
      })),
    ]),
    groups: edits.flatMap(({ additionalGids }) => additionalGids),
    hooks: edits.flatMap(({ hooks }) => hooks.map(({ path }) => path)),
  }
}
