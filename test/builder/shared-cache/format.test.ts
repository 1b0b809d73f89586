import assert from 'node:assert/strict'
import {
  CACHE_CONFIG,
  decodeCache,
  decodeInline,
  encodeCache,
  inlineRecords,
  isWithin,
  MAX_CACHE_LAYERS,
  type SharedContent,
  type SharedStep,
  unionOf,
} from '../../../builder/shared-cache/format.ts'
import { asDiffID, digestOf } from '../../../registry/oci/digest.ts'
import { OCI_LAYER_GZIP } from '../../../registry/oci/media-type.ts'

const layer = (text: string) => ({
  diffID: asDiffID(digestOf(`tar of ${text}`)),
  blob: { mediaType: OCI_LAYER_GZIP, digest: digestOf(`gzip of ${text}`), size: text.length },
})

function step(name: string, day = 1, content = name): SharedStep {
  const { diffID, blob } = layer(content)
  const created = new Date(day * 86_400_000).toISOString()
  const traits = { project: 'p', subject: name, title: `RUN ${name}`, parent: { title: 'base' }, files: undefined }
  return {
    key: digestOf(name),
    record: { diffID, created, parts: { operation: 'run', command: name }, producer: 'tsbuild x', traits },
    blob,
  }
}

const mount = (name: string, day: number, ...chunks: string[]) => ({
  name: digestOf(name).slice(7),
  saved: new Date(day * 86_400_000).toISOString(),
  chunks: chunks.map(layer),
})

/** What a reader sees of what was written. */
function throughRegistry(content: SharedContent): SharedContent {
  const { config, manifest } = encodeCache(content)
  return JSON.parse(JSON.stringify(decodeCache(manifest.bytes, config.bytes, 'test')))
}

const plain = (content: SharedContent) => JSON.parse(JSON.stringify(content))

describe('a shared cache as an artifact', () => {
  const content = { steps: [step('a'), step('b')], mounts: [mount('m', 1, 'x', 'y'), mount('empty', 1)] }

  it('is read as it was written', () => assert.deepEqual(throughRegistry(content), plain(unionOf([content]))))

  it('has the same bytes for the same content in any order', () => {
    const reversed = { steps: [...content.steps].reverse(), mounts: [...content.mounts].reverse() }
    assert.deepEqual(encodeCache(reversed), encodeCache(content))
  })

  it('names every layer in the manifest, so that a registry keeps it', () => {
    const { layers, config } = JSON.parse(Buffer.from(encodeCache(content).manifest.bytes).toString())
    const want = [
      ...content.steps.map(({ blob }) => blob.digest),
      ...content.mounts.flatMap((one) => one.chunks.map(({ blob }) => blob.digest)),
    ]
    assert.deepEqual(layers.map(({ digest }: { digest: string }) => digest).sort(), want.sort())
    assert.equal(config.mediaType, CACHE_CONFIG)
  })

  it('keeps the newest steps where there are too many for a manifest, and all mounts', () => {
    const steps = Array.from({ length: MAX_CACHE_LAYERS + 50 }, (_, index) => step(`s${index}`, index))
    const kept = throughRegistry({ steps, mounts: [mount('m', 1, 'x', 'y')] })
    assert.deepEqual([kept.steps.length, kept.mounts.length], [MAX_CACHE_LAYERS - 2, 1])
    assert.ok(kept.steps.every(({ record }) => record.created >= new Date(52 * 86_400_000).toISOString()))
  })

  it('leaves out what lacks a layer', () => {
    const { config, manifest } = encodeCache(content)
    const less = JSON.parse(Buffer.from(manifest.bytes).toString())
    const gone = [layer('a').blob.digest, layer('x').blob.digest] as string[]
    less.layers = less.layers.filter(({ digest }: { digest: string }) => !gone.includes(digest))
    const read = decodeCache(Buffer.from(JSON.stringify(less)), config.bytes, 'test')
    assert.deepEqual(
      read.steps.map(({ key }) => key),
      [digestOf('b')],
    )
    assert.deepEqual(
      read.mounts.map(({ name }) => name),
      [mount('empty', 1).name],
    )
  })

  it('of another version is empty', () => {
    const { manifest } = encodeCache(content)
    assert.deepEqual(decodeCache(manifest.bytes, Buffer.from('{"version":2,"records":[]}'), 'test'), { steps: [], mounts: [] })
  })

  for (const [what, text] of [
    ['no JSON', '{'],
    ['a key that is no digest', '{"version":1,"records":[{"key":"../../x","diffID":"sha256:0","created":"","parts":{},"producer":""}]}'],
    ['a mount whose name leads elsewhere', '{"version":1,"records":[],"mounts":[{"name":"../../etc","saved":"","chunks":[]}]}'],
    [
      'parts that are no texts',
      `{"version":1,"records":[{"key":"${digestOf('a')}","diffID":"${digestOf('a')}","created":"","parts":{"a":1},"producer":""}]}`,
    ],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeCache(encodeCache(content).manifest.bytes, Buffer.from(text), 'test'), { code: 'DOCUMENT_INVALID' })
    })

  it('may be in the config of an image, about its own layers only', () => {
    const config = { architecture: 'x', ...inlineRecords([step('a'), step('b')]) }
    const own = [{ diffID: layer('a').diffID, descriptor: layer('a').blob }]
    assert.deepEqual(
      decodeInline(config, own).map(({ key }) => key),
      [digestOf('a')],
    )
    assert.deepEqual(decodeInline({ architecture: 'x' }, own), [])
    assert.throws(() => decodeInline({ 'tsbuild.cache.v1': 'nonsense' }, own), { code: 'DOCUMENT_INVALID' })
  })
})

describe('unionOf', () => {
  it('has each step and mount once, the newest', () => {
    const union = unionOf([
      { steps: [step('a', 1, 'old'), step('b')], mounts: [mount('m', 2, 'new')] },
      { steps: [step('a', 2, 'new')], mounts: [mount('m', 1, 'old')] },
    ])
    assert.deepEqual(union.steps.map(({ blob }) => blob.digest).sort(), [layer('new').blob.digest, layer('b').blob.digest].sort())
    assert.deepEqual(union.mounts, [mount('m', 2, 'new')])
  })
})

describe('isWithin', () => {
  const known = { steps: [step('a'), step('b')], mounts: [mount('m', 1, 'x')] }
  for (const [what, content, want] of [
    ['a part', { steps: [step('a', 9)], mounts: [mount('m', 9, 'x')] }, true],
    ['another step', { steps: [step('c')], mounts: [] }, false],
    ['a mount that changed', { steps: [], mounts: [mount('m', 1, 'x', 'y')] }, false],
    ['nothing', { steps: [], mounts: [] }, true],
  ] as const)
    it(`says ${want} of ${what}`, () => assert.equal(isWithin(content, known), want))
})
