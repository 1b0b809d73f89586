import assert from 'node:assert/strict'
import { type ImageParts, imageConfig, writeImage } from '../../builder/image.ts'
import type { ImageConfig } from '../../registry/oci/config.ts'
import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import { parsePlatform } from '../../registry/oci/platform.ts'
import type { Blobs } from '../../registry/store/blobs.ts'

const [BASE_TIME, TIME, LATER] = ['2020-01-01T00:00:00Z', '2024-01-01T00:00:00Z', '2024-01-02T00:00:00Z']

function layersOf(...names: string[]): ImageParts['layers'] {
  return names.map((name) => ({
    diffID: digestOf(name),
    blob: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(`gz ${name}`), size: 1 },
  })) as unknown as ImageParts['layers']
}

function partsOf(parts: Partial<ImageParts>): ImageParts {
  const platform = parsePlatform('linux/arm64')
  return {
    base: undefined,
    config: {},
    author: undefined,
    platform,
    layers: [],
    history: [],
    epoch: undefined,
    inline: undefined,
    ...parts,
  }
}

function baseOf(base: Record<string, unknown>): ImageConfig {
  return { os: 'linux', architecture: 'amd64', config: {}, rootfs: { type: 'layers', diff_ids: [] }, ...base } as ImageConfig
}

/** `created created_by comment [empty]` of each entry. */
function historyOf(parts: Partial<ImageParts>): string[] {
  const { history } = imageConfig(partsOf(parts)) as { history: Record<string, unknown>[] }
  return history.map((entry) =>
    [entry.created, entry.created_by, entry.comment, entry.empty_layer === true ? 'empty' : ''].filter(Boolean).join(' '),
  )
}

const made = (createdBy: string, created?: string) => ({ createdBy, layer: created === undefined ? undefined : { created } })

describe('imageConfig', () => {
  it('has its keys in alphabetical order, and those of config in the order of Docker', () => {
    const config = { Labels: { b: '1', a: '2' }, Cmd: [], Env: ['A=1'], Volumes: { '/z': {}, '/a': {} }, User: '', Shell: ['s'] }
    const text = JSON.stringify(imageConfig(partsOf({ config, author: 'me' })))
    assert.equal(
      text,
      '{"architecture":"arm64","author":"me","config":{"Env":["A=1"],"Cmd":[],"Volumes":{"/a":{},"/z":{}},"Labels":{"a":"2","b":"1"},"Shell":["s"]},' +
        '"created":"1970-01-01T00:00:00Z","history":[],"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
    )
  })

  it('keeps what the base says and nobody knows, and takes over the platform of the stage', () => {
    const base = baseOf({ variant: 'v3', 'os.version': '1', created: BASE_TIME, author: 'they', 'moby.x': 1 })
    const config = imageConfig(partsOf({ base, config: { Unknown: [1] } as ImageParts['config'] }))
    assert.deepEqual(JSON.parse(JSON.stringify(config)), {
      architecture: 'arm64',
      author: 'they',
      config: { Unknown: [1] },
      created: '1970-01-01T00:00:00Z',
      history: [],
      'moby.x': 1,
      os: 'linux',
      'os.version': '1',
      rootfs: { type: 'layers', diff_ids: [] },
    })
  })

  it('has the version of the system that the stage names, else that of a base of the same system', () => {
    const versionOf = (os: string, version?: string) => {
      const platform = { os, architecture: 'amd64', ...(version === undefined ? {} : { 'os.version': version }) }
      return imageConfig(partsOf({ base: baseOf({ os: 'windows', 'os.version': '10.1' }), platform }))['os.version']
    }
    assert.deepEqual([versionOf('windows'), versionOf('windows', '10.2'), versionOf('linux')], ['10.1', '10.2', undefined])
  })

  it('dates what made no layer by the layer before it, or by the first, and the image by the last entry', () => {
    const history = [made('ENV a=1'), made('RUN x', TIME), made('USER y'), made('RUN z', LATER)]
    assert.deepEqual(historyOf({ history }), [
      `${TIME} ENV a=1 buildkit.dockerfile.v0 empty`,
      `${TIME} RUN x buildkit.dockerfile.v0`,
      `${TIME} USER y buildkit.dockerfile.v0 empty`,
      `${LATER} RUN z buildkit.dockerfile.v0`,
    ])
    assert.equal(imageConfig(partsOf({ history })).created, LATER)
  })

  it('goes on from the history of the base, as it is', () => {
    const base = baseOf({
      created: BASE_TIME,
      history: [{ created: BASE_TIME, created_by: 'theirs', comment: 'c' }],
      rootfs: { type: 'layers', diff_ids: [digestOf('theirs')] },
    })
    assert.deepEqual(historyOf({ base, history: [made('LABEL a=1')] }), [
      `${BASE_TIME} theirs c`,
      `${BASE_TIME} LABEL a=1 buildkit.dockerfile.v0 empty`,
    ])
  })

  it('makes the history of a base agree with its layers', () => {
    const rootfs = { type: 'layers', diff_ids: [digestOf('one')] }
    const more = baseOf({ rootfs, history: [{ created_by: 'e', empty_layer: true }, { created_by: 'a' }, { created_by: 'b' }] })
    assert.deepEqual(historyOf({ base: more }), ['e empty', 'a empty', 'b'])
    assert.deepEqual(historyOf({ base: baseOf({ rootfs }) }), ['buildkit.exporter.image.v0'])
  })

  it('lets no own time be later than the epoch, and leaves the others', () => {
    const rootfs = { type: 'layers', diff_ids: [digestOf('one')] }
    const base = baseOf({ rootfs, created: LATER, history: [{ created: LATER, created_by: 'theirs' }] })
    const history = [made('RUN x', BASE_TIME), made('RUN y', LATER)]
    const epoch = Date.parse(TIME) / 1000
    assert.deepEqual(historyOf({ base, history, epoch }), [
      `${LATER} theirs`,
      `${BASE_TIME} RUN x buildkit.dockerfile.v0`,
      `${TIME} RUN y buildkit.dockerfile.v0`,
    ])
    assert.equal(imageConfig(partsOf({ base, history, epoch })).created, TIME)
  })
})

describe('writeImage', () => {
  it('writes a compact config, and a manifest with two blanks of indentation and nothing but the layers in it', async () => {
    const written: string[] = []
    const put = async (bytes: Uint8Array): Promise<Digest> => {
      written.push(Buffer.from(bytes).toString())
      return digestOf(bytes)
    }
    const { manifest, config } = await writeImage(partsOf({ layers: layersOf('one') }), { put } as unknown as Blobs)
    const [configText = '', manifestText = ''] = written
    assert.equal(configText, JSON.stringify(JSON.parse(configText)))
    assert.equal(manifestText, JSON.stringify(JSON.parse(manifestText), null, 2))
    assert.deepEqual([config.digest, manifest.digest], [digestOf(configText), digestOf(manifestText)])
    const { layers, mediaType } = JSON.parse(manifestText)
    assert.equal(mediaType, 'application/vnd.oci.image.manifest.v1+json')
    assert.deepEqual(layers, [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf('gz one'), size: 1 }])
  })
})
