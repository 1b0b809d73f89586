import assert from 'node:assert/strict'
import { readConfig } from '../../../registry/oci/config.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { hasCode } from '../../../registry/oci/error.ts'
import { readIndex, readManifest } from '../../../registry/oci/manifest.ts'
import { codecOf, isNondistributable } from '../../../registry/oci/media-type.ts'

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const isInvalid = (error: unknown) => hasCode(error, 'DOCUMENT_INVALID') && error instanceof Error && !error.message.includes('\n')
const descriptor = { mediaType: 'a/b', digest: digestOf('x'), size: 1 }
const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] }
const index = { schemaVersion: 2, manifests: [descriptor] }
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf('x')] } }

describe('readManifest', () => {
  it('keeps unknown fields', () => assert.deepEqual(readManifest(bytes({ ...manifest, x: 1 }), 'm'), { ...manifest, x: 1 }))
  for (const [what, value] of [
    ['no JSON', '{'],
    ['nothing', ''],
    ['bytes that are not UTF-8', '\ud800'],
    ['an array', []],
    ['null', 'null'],
    ['another schema', { ...manifest, schemaVersion: 1 }],
    ['a manifest that is an index too (CVE-2021-41190)', { ...manifest, manifests: [] }],
    ['a digest that is a path (CVE-2024-3727)', { ...manifest, config: { ...descriptor, digest: 'sha256:../x' } }],
    ['a negative size', { ...manifest, layers: [{ ...descriptor, size: -1 }] }],
    ['a size that is no integer', { ...manifest, layers: [{ ...descriptor, size: 1.5 }] }],
    ['a size beyond what is exact', { ...manifest, layers: [{ ...descriptor, size: 2 ** 60 }] }],
    ['a size that is text', { ...manifest, layers: [{ ...descriptor, size: '1' }] }],
    ['too many layers', { ...manifest, layers: Array(1001).fill(descriptor) }],
    ['nesting without end', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => readManifest(bytes(value), 'm'), isInvalid))
  }
  it('names the field that is wrong', () => {
    assert.throws(
      () => readManifest(bytes({ ...manifest, layers: [{ ...descriptor, size: -1 }] }), 'm'),
      /^TsbuildError: m: layers\.0\.size/,
    )
  })
})

describe('readIndex', () => {
  it('keeps unknown fields', () => assert.deepEqual(readIndex(bytes({ ...index, x: 1 }), 'i'), { ...index, x: 1 }))
  for (const extra of [{ layers: [] }, { config: descriptor }]) {
    it(`refuses an index with ${Object.keys(extra)}`, () => assert.throws(() => readIndex(bytes({ ...index, ...extra }), 'i'), isInvalid))
  }
})

describe('readConfig', () => {
  it('takes what Docker writes: null for empty', () => {
    const docker = { ...config, config: { Cmd: null, Env: null, Labels: null, Volumes: null, Entrypoint: null }, history: null }
    assert.deepEqual(readConfig(bytes(docker), 'c'), docker)
  })
  for (const [what, value] of [
    ['a rootfs of another type', { ...config, rootfs: { type: 'x', diff_ids: [] } }],
    ['diff_ids that are no digests', { ...config, rootfs: { type: 'layers', diff_ids: ['x'] } }],
    ['Env that is no list', { ...config, config: { Env: 'A=b' } }],
    ['no architecture', { ...config, architecture: undefined }],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => readConfig(bytes(value), 'c'), isInvalid))
  }
})

describe('codecOf', () => {
  for (const [mediaType, want] of [
    ['application/vnd.oci.image.layer.v1.tar', 'none'],
    ['application/vnd.oci.image.layer.v1.tar+gzip', 'gzip'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'zstd'],
    ['application/vnd.docker.image.rootfs.diff.tar', 'none'],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'gzip'],
    ['application/vnd.docker.image.rootfs.diff.tar.zstd', 'zstd'],
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip'],
    ['application/vnd.oci.image.layer.v1.tar+xz', undefined],
    ['application/vnd.oci.image.config.v1+json', undefined],
    ['application/gzip', undefined],
  ] as const) {
    it(`says ${want} for ${mediaType}`, () => assert.equal(codecOf(mediaType), want))
  }
  it('knows foreign layers', () => {
    assert.equal(isNondistributable('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'), true)
    assert.equal(isNondistributable('application/vnd.oci.image.layer.nondistributable.v1.tar'), true)
    assert.equal(isNondistributable('application/vnd.oci.image.layer.v1.tar'), false)
  })
})
