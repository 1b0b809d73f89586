import assert from 'node:assert/strict'
import type { BaseImage } from '../../../builder/deps.ts'
import { type PrepareRequest, prepare, type ResolveImages } from '../../../builder/prepare.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { formatPlatform, parsePlatform } from '../../../registry/oci/platform.ts'

/** What is planned for several platforms, and which images were asked for, each time. */
async function plan(text: string, platforms: readonly string[], more: Partial<PrepareRequest> = {}) {
  const asked: string[] = []
  const resolve: ResolveImages = async (wanted) =>
    new Map(
      [...wanted].map(([key, { reference, platform }]): [string, BaseImage] => {
        asked.push(key)
        const { os, architecture } = platform
        return [key, { reference, manifest: digestOf(key), config: { os, architecture, rootfs: { type: 'layers' } }, layers: [] }]
      }),
    )
  const request: PrepareRequest = {
    dockerfile: { bytes: Buffer.from(text), file: 'Dockerfile' },
    target: undefined,
    buildArgs: new Map(),
    platforms: platforms.map(parsePlatform),
    buildPlatform: parsePlatform('linux/amd64'),
    network: 'none',
    resources: { shmSize: 1, limits: [] },
    ...more,
  }
  const { outcome, report } = await prepare(request, resolve)
  if ('error' in outcome) throw outcome.error
  const names = outcome.operations.filter(({ kind }) => kind !== 'source').map(({ name }) => name)
  return { ...outcome, names, asked, report }
}

describe('a plan for several platforms', () => {
  for (const [what, text, platforms, names] of [
    [
      'a stage for the machine that does not ask for the target once',
      'FROM --platform=$BUILDPLATFORM a AS tool\nRUN x\nFROM b\nCOPY --from=tool /x /\n',
      ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
      [
        '[linux/amd64 tool 2/2] RUN x',
        '[linux/amd64 stage-1 2/2] COPY --from=tool /x /',
        '[linux/arm64 stage-1 2/2] COPY --from=tool /x /',
        '[linux/arm/v7 stage-1 2/2] COPY --from=tool /x /',
      ],
    ],
    [
      'one that asks for it as often as its steps see another value, from there on',
      'FROM --platform=$BUILDPLATFORM a AS tool\nRUN x\nARG TARGETARCH\nRUN y\nRUN z\nFROM scratch\nCOPY --from=tool /x /\n',
      ['linux/arm64', 'linux/arm/v7'],
      [
        '[linux/amd64 tool 2/4] RUN x',
        '[linux/amd64->arm64 tool 3/4] RUN y',
        '[linux/amd64->arm64 tool 4/4] RUN z',
        '[linux/arm64 stage-1 1/1] COPY --from=tool /x /',
        '[linux/amd64->arm/v7 tool 3/4] RUN y',
        '[linux/amd64->arm/v7 tool 4/4] RUN z',
        '[linux/arm/v7 stage-1 1/1] COPY --from=tool /x /',
      ],
    ],
    [
      'stages that FROM chooses by the target, for it alone',
      'FROM a AS for-amd64\nRUN x\nFROM a AS for-arm64\nRUN y\nFROM for-$TARGETARCH\nRUN z\n',
      ['linux/amd64', 'linux/arm64'],
      [
        '[linux/amd64 for-amd64 2/2] RUN x',
        '[linux/amd64 stage-2 1/1] RUN z',
        '[linux/arm64 for-arm64 2/2] RUN y',
        '[linux/arm64 stage-2 1/1] RUN z',
      ],
    ],
    [
      'the variants of one architecture apart',
      'FROM a\nARG TARGETVARIANT\nRUN x\n',
      ['linux/arm/v6', 'linux/arm/v7'],
      ['[linux/arm/v6 2/2] RUN x', '[linux/arm/v7 2/2] RUN x'],
    ],
    ['a single platform without a word of it', 'FROM a\nARG TARGETARCH\nRUN x\n', ['linux/arm64'], ['[2/2] RUN x']],
  ] as const)
    it(`has ${what}`, async () => assert.deepEqual((await plan(text, platforms)).names, names))

  it('leads from each target to its own steps, and to the shared ones', async () => {
    const text = 'FROM --platform=$BUILDPLATFORM a AS tool\nRUN x\nFROM b\nCOPY --from=tool /x /\n'
    const { operations, targets } = await plan(text, ['linux/amd64', 'linux/arm64'])
    const inputs = targets.map(({ last }) => operations[last]?.inputs ?? [])
    assert.deepEqual(
      targets.map(({ wanted }) => formatPlatform(wanted)),
      ['linux/amd64', 'linux/arm64'],
    )
    assert.equal(inputs[0]?.[1], inputs[1]?.[1])
    assert.notEqual(inputs[0]?.[0], inputs[1]?.[0])
  })
  it('asks for each image once', async () => {
    const { asked } = await plan('FROM --platform=$BUILDPLATFORM a AS x\nFROM a\nCOPY --from=x / /\n', ['linux/amd64', 'linux/arm64'])
    assert.deepEqual(asked.sort(), ['docker.io/library/a:latest linux/amd64', 'docker.io/library/a:latest linux/arm64'])
  })
  it('warns once of what is the same for all', async () => {
    const { report } = await plan('FROM --platform=$TARGETPLATFORM a\nMAINTAINER x\nCMD y $z\n', [
      'linux/amd64',
      'linux/arm64',
      'linux/386',
    ])
    assert.deepEqual(report.map(({ rule }) => rule).sort(), ['JSONArgsRecommended', 'MaintainerDeprecated', 'RedundantTargetPlatform'])
  })
})
