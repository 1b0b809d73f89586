import assert from 'node:assert/strict'
import { hasCode } from '../../../registry/oci/error.ts'
import { formatPlatform, parsePlatform, platformOf, platformOfArch, rankPlatform } from '../../../registry/oci/platform.ts'

describe('parsePlatform', () => {
  for (const [text, want] of [
    ['linux/amd64', 'linux/amd64'],
    ['amd64', 'linux/amd64'],
    ['x86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['arm', 'linux/arm/v7'],
    ['armhf', 'linux/arm/v7'],
    ['armel', 'linux/arm/v6'],
    ['linux/arm/v5', 'linux/arm/v5'],
    ['LINUX/ARM64', 'linux/arm64'],
    ['i386', 'linux/386'],
    ['linux/riscv64', 'linux/riscv64'],
    ['windows/amd64', 'windows/amd64'],
    ['Windows(10.0.1)/x86_64', 'windows(10.0.1)/amd64'],
  ] as const) {
    it(`reads ${text} as ${want}`, () => assert.equal(formatPlatform(parsePlatform(text)), want))
  }
  for (const text of [
    '',
    '/',
    'linux/',
    '/amd64',
    'a/b/c/d',
    'linux/amd 64',
    'linux/amd64\n',
    '../x',
    'windows()/amd64',
    'windows(1',
    'windows(1)',
    'windows(1 2)/amd64',
    'linux/amd64(1)',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(
        () => parsePlatform(text),
        (error) => hasCode(error, 'PLATFORM_INVALID'),
      ))
  }
})

describe('rankPlatform', () => {
  /** Of these offers, best first, those that `want` can run. */
  for (const [want, offers, best] of [
    ['linux/amd64', ['linux/arm64', 'linux/amd64/v2', 'linux/amd64', 'windows/amd64'], ['linux/amd64']],
    [
      'linux/amd64/v3',
      ['linux/amd64', 'linux/amd64/v4', 'linux/amd64/v3', 'linux/amd64/v2'],
      ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64'],
    ],
    [
      'linux/arm/v7',
      ['linux/arm/v8', 'linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm64'],
      ['linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5'],
    ],
    ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v6'], ['linux/arm/v6']],
    ['linux/arm64', ['linux/arm64/v9', 'linux/arm64/v8', 'linux/arm/v7'], ['linux/arm64/v8']],
    ['linux/riscv64', ['linux/amd64', 'linux/riscv64'], ['linux/riscv64']],
    ['windows/amd64', ['windows(10.0.1)/amd64', 'windows(10.1)/amd64'], ['windows(10.0.1)/amd64', 'windows(10.1)/amd64']],
    ['windows(10.0)/amd64', ['windows/amd64', 'windows(10.01)/amd64', 'windows(10.0.1)/amd64'], ['windows(10.0.1)/amd64']],
  ] as const) {
    it(`orders what ${want} can run`, () => {
      const [platform, parsed] = [
        parsePlatform(want),
        offers.map((text) => ({ text, rank: rankPlatform(parsePlatform(want), asOffered(text)) })),
      ]
      assert.ok(platform)
      assert.deepEqual(
        parsed
          .filter(({ rank }) => rank > 0)
          .sort((a, b) => b.rank - a.rank)
          .map(({ text }) => text),
        best,
      )
    })
  }
})

/** As an index writes it, not normalised. */
function asOffered(text: string) {
  const [, os = '', version, architecture = '', variant] = /^([^/(]*)(?:\((.*)\))?\/([^/]*)(?:\/(.*))?$/.exec(text) ?? []
  return platformOf({ os, architecture, variant, 'os.version': version })
}

describe('platformOfArch', () => {
  for (const [arch, want] of [
    ['x64', 'linux/amd64'],
    ['arm64', 'linux/arm64'],
    ['arm', 'linux/arm/v7'],
    ['ia32', 'linux/386'],
    ['s390x', 'linux/s390x'],
  ] as const) {
    it(`calls ${arch} ${want}`, () => assert.equal(formatPlatform(platformOfArch(arch)), want))
  }
})
