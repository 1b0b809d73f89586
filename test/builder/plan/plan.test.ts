import assert from 'node:assert/strict'
import type { BaseImage, IdKind } from '../../../builder/deps.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { keyOf, keyParts } from '../../../builder/plan/cache-key.ts'
import type { Operation } from '../../../builder/plan/graph.ts'
import { planBuild } from '../../../builder/plan/plan.ts'
import { canExecute, stagePlatforms, wantedImages } from '../../../builder/plan/platforms.ts'
import { checkRunnable } from '../../../builder/plan/runnable.ts'
import { planStages, stageGlobals } from '../../../builder/plan/stages.ts'
import type { RunConfig } from '../../../registry/oci/config.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { formatPlatform, parsePlatform } from '../../../registry/oci/platform.ts'

const machine = parsePlatform('linux/amd64')

function plan(
  text: string,
  options: { platform?: string; args?: Record<string, string>; base?: RunConfig; network?: 'host' | 'none' } = {},
) {
  const parsed = parseDockerfile(text, 'Dockerfile')
  const buildArgs = new Map(Object.entries(options.args ?? {}))
  const target = parsePlatform(options.platform ?? 'linux/amd64')
  const stageOptions = { buildArgs, platformArgs: new Map([['TARGETPLATFORM', formatPlatform(target)]]) }
  const stages = planStages(parsed, stageOptions)
  const platforms = stagePlatforms(stages, target)
  const images = new Map(
    [...wantedImages(stages, platforms)].map(([key, { reference, platform }]): [string, BaseImage] => {
      const config = {
        os: platform.os,
        architecture: platform.architecture,
        config: options.base,
        rootfs: { type: 'layers' as const },
        created: '2024-01-01T00:00:00Z',
      }
      return [key, { reference, manifest: digestOf(key), config, layers: [] }]
    }),
  )
  const globals = stageGlobals(parsed, stageOptions)
  return planBuild({
    stages,
    wanted: { platform: target, isOneOfSeveral: false },
    platforms,
    images,
    globals,
    buildArgs,
    escape: parsed.directives.escape,
    machine,
    network: options.network ?? 'host',
    resources: { shmSize: 1, limits: [] },
  })
}

function keyOfLast(text: string, options?: Parameters<typeof plan>[1], idKind?: IdKind): string {
  const last = plan(text, options).operations.at(-1)
  return last === undefined || last.kind === 'source'
    ? assert.fail()
    : keyOf(keyParts(last, { parent: 'sha256:parent', ...(idKind !== undefined && { idKind }) }))
}

describe('keyParts', () => {
  for (const [step, differs] of [
    ['RUN x', true],
    ['COPY x /x', false],
    ['WORKDIR /x', false],
  ] as const)
    it(`gives ${step} ${differs ? 'another key' : 'the same key'} where there is a single id`, () => {
      const key = (idKind?: IdKind) => keyOfLast(`FROM a\n${step}\n`, {}, idKind)
      assert.deepEqual([key('single') !== key(''), key('')], [differs, key()])
    })
})

describe('planBuild', () => {
  it('resolves a base once however it is spelled', () => {
    const { operations } = plan('FROM debian\nFROM docker.io/library/debian:latest\nCOPY --from=debian /a /b\nCOPY --from=0 /a /b\n')
    assert.deepEqual(
      operations.map((operation) => operation.kind),
      ['source', 'copy', 'copy'],
    )
  })

  it('gives each stage its own platform, and stages built on it that one', () => {
    const { operations, target } = plan('FROM --platform=linux/amd64 a AS x\nRUN one\nFROM x\nRUN two\nFROM b\nCOPY --from=1 /x /x\n', {
      platform: 'linux/arm64',
    })
    const of = (kind: Operation['kind']) =>
      operations.filter((operation) => operation.kind === kind).map((operation) => formatPlatform(operation.platform))
    assert.deepEqual(
      [of('run'), of('copy'), formatPlatform(target.platform)],
      [['linux/amd64', 'linux/amd64'], ['linux/arm64'], 'linux/arm64'],
    )
  })

  for (const [what, text, platform] of [
    ['a RUN of another system', 'FROM --platform=freebsd/arm64 a\nRUN x\n', 'linux/amd64'],
    ['a base for Windows', 'FROM --platform=windows/arm64 a\nCOPY x /\n', 'linux/amd64'],
    ['a copy from an image for Windows', 'FROM scratch\nCOPY --from=a x /\n', 'windows/amd64'],
    ['WORKDIR for Windows', 'FROM scratch\nWORKDIR /x\n', 'windows/amd64'],
    ['a drive', 'FROM scratch\nCOPY x C:/x\n', 'windows/amd64'],
    ['a backslash', '# escape=`\nFROM scratch\nCOPY x a\\x\n', 'windows/amd64'],
  ] as const)
    it(`plans ${what}, and knows that it cannot be made`, () => {
      const made = plan(text, { platform })
      assert.throws(() => checkRunnable(made.operations), {
        code: 'DOCKERFILE_UNSUPPORTED',
        message: /arm64|windows\/amd64/,
      })
    })
  it('gives an image for Windows the shell of Windows, no PATH, and what is copied', () => {
    const made = plan('FROM scratch\nCOPY x /\nENTRYPOINT go\nSHELL ["pwsh"]\nCMD now\n', { platform: 'windows/amd64' })
    checkRunnable(made.operations)
    const { Entrypoint, Cmd, Env } = made.target.config
    assert.deepEqual({ Entrypoint, Cmd, Env }, { Entrypoint: ['cmd', '/S', '/C', 'go'], Cmd: ['pwsh', 'now'], Env: undefined })
  })
  it('points at the RUN that cannot be executed', () => {
    const made = plan('FROM a\nRUN x\n', { platform: 'freebsd/arm64' })
    assert.throws(() => checkRunnable(made.operations), { at: { file: 'Dockerfile', startLine: 2, endLine: 2 } })
  })
  for (const [platform, machine, does] of [
    ['linux/386', 'linux/amd64', true],
    ['linux/amd64/v3', 'linux/amd64', true],
    ['linux/arm/v6', 'linux/arm/v7', true],
    ['linux/arm64', 'linux/amd64', false],
    ['linux/arm/v7', 'linux/arm64', false],
    ['freebsd/amd64', 'linux/amd64', false],
  ] as const)
    it(`knows that a machine for ${machine} ${does ? 'executes' : 'does not execute'} ${platform}`, () =>
      assert.equal(canExecute(parsePlatform(platform), parsePlatform(machine)), does))
  it('says where a platform or reference is wrong', () => {
    assert.throws(() => plan('FROM a\nFROM --platform=x//y b\n'), {
      code: 'PLATFORM_INVALID',
      at: { file: 'Dockerfile', startLine: 2, endLine: 2, startColumn: 6, endColumn: 21 },
    })
    assert.throws(() => plan('FROM team/Upper\n'), { code: 'REFERENCE_INVALID' })
  })

  for (const line of [
    (n: number) => `LABEL k${n}=v`,
    (n: number) => `ENV k${n}=v`,
    (n: number) => `EXPOSE ${n % 65535}`,
    (n: number) => `VOLUME /v${n}`,
    (n: number) => `ONBUILD RUN ${n}`,
    (n: number) => `WORKDIR /w${n}`,
  ])
    it(`plans 30,000 of ${line(1)} before anybody gives up waiting`, function () {
      this.timeout(30_000) // a copy of all before it for each one takes minutes
      const { target } = plan(`FROM a\n${Array.from({ length: 30_000 }, (_, n) => line(n)).join('\n')}\n`)
      assert.equal(target.history.length, line(1).startsWith('ONBUILD') ? 0 : 30_000)
    })

  it('keeps labels and triggers of a stage out of those it is built from', () => {
    const text = 'FROM a AS x\nLABEL a=1\nVOLUME /x\nFROM x AS y\nLABEL b=2\nVOLUME /y\nFROM x\nCOPY --from=y /a /a\nLABEL c=3\n'
    const { config, history } = plan(text, { base: { Labels: { base: 'yes' } } }).target
    assert.deepEqual(config.Labels, { base: 'yes', a: '1', c: '3' })
    assert.deepEqual(config.Volumes, { '/x': {} })
    assert.equal(history.length, 4)
  })

  it('takes __proto__ for a label like any other', () =>
    assert.equal(JSON.stringify(plan('FROM a\nLABEL __proto__=x\n').target.config.Labels), '{"__proto__":"x"}'))

  for (const [what, base, env, dir] of [
    ['a base without variables', {}, ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], '/'],
    [
      'a base without PATH',
      { Env: ['A=1'], WorkingDir: '' },
      ['A=1', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      '/',
    ],
    ['a base with one', { Env: ['PATH=/x', 'A=1'], WorkingDir: '/w/' }, ['PATH=/x', 'A=1'], '/w/'],
  ] as const)
    it(`starts from ${what} with a PATH and a working directory`, () => {
      const { Env, WorkingDir } = plan('FROM a\n', { base: { ...base, Env: [...('Env' in base ? base.Env : [])] } }).target.config
      assert.deepEqual([Env, WorkingDir], [env, dir])
    })

  it('goes on with the user, shell and commands of the base, and replaces only what is said again', () => {
    const base = { User: 'u', Shell: ['s'], Cmd: ['c'], Entrypoint: ['e'], Labels: { a: '1', b: '1' }, StopSignal: 'SIGINT' }
    const { config } = plan('FROM a\nLABEL b=2\nEXPOSE 80\nCMD x\n', { base }).target
    assert.deepEqual(
      [config.User, config.Cmd, config.Entrypoint, config.Labels, config.StopSignal],
      ['u', ['s', 'x'], ['e'], { a: '1', b: '2' }, 'SIGINT'],
    )
  })

  it('gives an image no triggers of its base', () =>
    assert.equal(plan('FROM a\n', { base: { OnBuild: ['RUN x'] } }).target.config.OnBuild, undefined))
})

describe('the key of a RUN', () => {
  const before = 'FROM a\nARG V=1\nENV E=1\nRUN make\n'
  for (const [name, text, options] of [
    ['its command', 'FROM a\nARG V=1\nENV E=1\nRUN make all\n', {}],
    ['the value of an argument it can see', before, { args: { V: '2' } }],
    ['a variable', 'FROM a\nARG V=1\nENV E=2\nRUN make\n', {}],
    ['the user', 'FROM a\nARG V=1\nENV E=1\nUSER x\nRUN make\n', {}],
    ['the working directory of the base', before, { base: { WorkingDir: '/w' } }],
    ['the shell', 'FROM a\nARG V=1\nENV E=1\nSHELL ["/bin/bash","-c"]\nRUN make\n', {}],
    ['the network', before, { network: 'none' as const }],
    ['the platform', before, { platform: 'linux/386' }],
  ] as const) {
    it(`changes with ${name}`, () => assert.notEqual(keyOfLast(text, options), keyOfLast(before)))
  }
  for (const [name, text, options] of [
    ['labels, ports and commands', 'FROM a\nLABEL x=1\nEXPOSE 80\nCMD x\nARG V=1\nENV E=1\nRUN make\n', {}],
    ['the name of the stage', 'FROM a AS other\nARG V=1\nENV E=1\nRUN make\n', {}],
    ['an argument that is declared after it', 'FROM a\nARG V=1\nENV E=1\nRUN make\n', { args: { W: '2' } }],
    ['proxies that nobody declared', before, { args: { HTTP_PROXY: 'http://p' } }],
  ] as const) {
    it(`does not change with ${name}`, () => assert.equal(keyOfLast(text, options), keyOfLast(before)))
  }
  for (const [mount, other] of [
    ['type=secret,id=a', 'type=secret,id=b'],
    ['type=secret,id=a', 'type=secret,id=a,target=/b'],
    ['type=secret,id=a', 'type=secret,id=a,mode=0440'],
    ['type=secret,id=a', 'type=secret,id=a,uid=1'],
    ['type=ssh', 'type=ssh,gid=1'],
    ['type=tmpfs,target=/t', 'type=tmpfs,target=/t,size=1m'],
    ['type=cache,target=/c', 'type=cache,target=/d'],
    ['type=cache,target=/c,id=c', 'type=cache,target=/c,id=d'],
    ['type=cache,target=/c', 'type=cache,target=/c,mode=0700'],
    ['type=cache,target=/c', 'type=cache,target=/c,source=s'],
  ] as const)
    it(`changes from --mount=${mount} to ${other}`, () =>
      assert.notEqual(keyOfLast(`FROM a\nRUN --mount=${mount} x\n`), keyOfLast(`FROM a\nRUN --mount=${other} x\n`)))
  for (const [mount, other] of [
    ['type=secret,id=a', 'type=secret,id=a,required'],
    ['type=cache,target=/c', 'type=cache,target=/c,sharing=locked'],
  ] as const)
    it(`does not change from --mount=${mount} to ${other}`, () =>
      assert.equal(keyOfLast(`FROM a\nRUN --mount=${mount} x\n`), keyOfLast(`FROM a\nRUN --mount=${other} x\n`)))
  it('changes with BUILDKIT_CACHE_MOUNT_NS, which parts the caches', () => {
    const text = 'FROM a\nRUN --mount=type=cache,target=/c x\n'
    assert.notEqual(keyOfLast(text, { args: { BUILDKIT_CACHE_MOUNT_NS: 'mine' } }), keyOfLast(text))
  })
  it('changes with a proxy that is declared', () => {
    const text = 'FROM a\nARG HTTP_PROXY\nRUN make\n'
    assert.notEqual(keyOfLast(text, { args: { HTTP_PROXY: 'http://p' } }), keyOfLast(text, { args: { HTTP_PROXY: 'http://q' } }))
  })
})
