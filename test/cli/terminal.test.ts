import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cli } from '../../fixtures/cli.ts'

const HOSTILE = '\x1b]0;owned\x07\u009b31m\u202e'
const OCI = 'application/vnd.oci.image'
const CONTROLS = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u

/** An image layout whose config says HOSTILE wherever it can. */
function hostileLayout(folder: string): void {
  const put = (mediaType: string, value: unknown) => {
    const bytes = JSON.stringify(value)
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(folder, 'blobs/sha256', hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) }
  }
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const config = put(`${OCI}.config.v1+json`, {
    created: HOSTILE,
    author: HOSTILE,
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Labels: { [HOSTILE]: HOSTILE }, Env: [`A=${HOSTILE}`], Cmd: [HOSTILE], User: HOSTILE },
    rootfs: { type: 'layers', diff_ids: [] },
    history: [{ created_by: HOSTILE, empty_layer: true }],
  })
  const manifest = put(`${OCI}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config,
    layers: [],
    annotations: { [HOSTILE]: HOSTILE },
  })
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }))
}

describe('an image that talks to the terminal', () => {
  const cli = new Cli('terminal')
  before(async () => {
    hostileLayout(join(cli.folder, 'layout'))
    await cli.ok(['pull', '-q', `oci:${join(cli.folder, 'layout')}`, '--name', 'hostile'])
  })
  after(() => cli[Symbol.asyncDispose]())

  for (const args of [
    ['images'],
    ['images', '--format=json'],
    ['inspect', 'hostile'],
    ['run', 'hostile'],
    ['run', '-u', '0', 'hostile'],
    ['run', HOSTILE],
    ['inspect', HOSTILE],
    [HOSTILE],
    ['build', `--${HOSTILE}`, '.'],
    ['store', 'check'],
  ])
    it(`does not reach it through ${args.join(' ').replace(HOSTILE, '...')}`, async () => {
      const { stdout, stderr } = await cli.run(args)
      assert.ok(stdout + stderr !== '')
      assert.doesNotMatch(stdout, CONTROLS)
      assert.doesNotMatch(stderr, CONTROLS)
    })
  it('is shown whole by inspect, as JSON', async () => {
    const { config } = JSON.parse(await cli.ok(['inspect', 'hostile']))
    assert.deepEqual([config.created, config.config.Labels], [HOSTILE, { [HOSTILE]: HOSTILE }])
  })
})
