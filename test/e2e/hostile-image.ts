import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { type TarMember, tarOf } from '../../fixtures/tars.ts'
import type { Descriptor } from '../../registry/oci/descriptor.ts'
import { digestOf } from '../../registry/oci/digest.ts'
import { layerTypeOf, OCI_CONFIG, OCI_MANIFEST } from '../../registry/oci/media-type.ts'
import { encodeIndex, LAYOUT_STAMP, openLayout, REF_NAME } from '../../registry/store/layout.ts'
import { blobPath } from '../../registry/store/place.ts'
import type { Workbench } from './workbench.ts'

/** An image as an attacker makes it: the shell of `base` below layers of any bytes, and a config of any values. */
export interface HostileSpec {
  /** On top of the base, bottom first. */
  readonly layers?: readonly (readonly TarMember[])[]
  /** Instead of the base's `config` member, as it stands. */
  readonly config?: unknown
  /** DiffID of the topmost layer, instead of the true one. */
  readonly diffID?: string
}

const NAME = 'hostile'

/** Makes the image and takes it into the store under the name `hostile`, if it is taken. */
export async function takeHostile(
  bench: Workbench,
  spec: HostileSpec,
): Promise<{ readonly status: number | null; readonly stderr: string }> {
  const folder = `${bench.folder}/hostile-layout`
  mkdirSync(`${folder}/blobs/sha256`, { recursive: true })
  const put = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes)
    writeFileSync(blobPath(folder, digest), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const gzip = layerTypeOf('gzip')
  const base = baseOf(bench)
  const tars = (spec.layers ?? []).map((members) => tarOf(members))
  const diffIDs = [...base.config.rootfs.diff_ids, ...tars.map((tar) => digestOf(tar))]
  if (spec.diffID !== undefined) diffIDs[diffIDs.length - 1] = spec.diffID
  const rootfs = { type: 'layers', diff_ids: diffIDs }
  const config = put(OCI_CONFIG, json({ ...base.config, config: spec.config ?? base.config.config, rootfs, history: [] }))
  const layers = [...base.layers.map((bytes) => put(gzip, bytes)), ...tars.map((tar) => put(gzip, gzipSync(tar, { level: 1 })))]
  const manifest = put(OCI_MANIFEST, json({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }))
  writeFileSync(`${folder}/oci-layout`, LAYOUT_STAMP)
  writeFileSync(`${folder}/index.json`, encodeIndex([{ ...manifest, annotations: { [REF_NAME]: NAME } }]))
  return bench.run(['pull', '-q', '--name', NAME, `oci:${folder}:${NAME}`])
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))

interface BaseParts {
  readonly config: { readonly config: unknown; readonly rootfs: { readonly diff_ids: readonly string[] } }
  readonly layers: readonly Uint8Array[]
}

function baseOf({ layout }: Workbench): BaseParts {
  const read = ({ digest }: Descriptor) => readFileSync(blobPath(layout, digest))
  const [manifest] = openLayout(layout).manifests
  if (manifest === undefined) throw new Error('the base has been added before')
  const { config, layers } = JSON.parse(read(manifest).toString()) as { config: Descriptor; layers: Descriptor[] }
  return { config: JSON.parse(read(config).toString()) as BaseParts['config'], layers: layers.map(read) }
}
