// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text under test is a Dockerfile's, no template
import assert from 'node:assert/strict'
import { checkDockerfile } from '../../../builder/dockerfile/check.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { planStages, type Stage, stageGlobals } from '../../../builder/plan/stages.ts'

interface Given {
  target?: string
  buildArgs?: Record<string, string>
  platformArgs?: Record<string, string>
}

function plan(text: string, given: Given = {}): Stage[] {
  return planStages(checkDockerfile(parseDockerfile(text, 'D')), optionsOf(given))
}

function optionsOf({ target, buildArgs = {}, platformArgs = {} }: Given) {
  return { target, buildArgs: new Map(Object.entries(buildArgs)), platformArgs: new Map(Object.entries(platformArgs)) }
}

/** `0:base <image` */
function drawn(stages: readonly Stage[]): string[] {
  return stages.map(({ index, name, base, dependencies }) => {
    const from = base.kind === 'image' ? base.reference : base.kind === 'stage' ? `#${base.index}` : base.kind
    return `${index}${name === undefined ? '' : `:${name}`} < ${from}${dependencies.length === 0 ? '' : ` needs ${dependencies.join(' ')}`}`
  })
}

describe('planStages', () => {
  for (const [what, text, given, expected] of [
    ['one stage', 'FROM debian:12', {}, ['0 < debian:12']],
    ['scratch', 'FROM scratch', {}, ['0 < scratch']],
    [
      'the last stage by default, with what it is built from',
      'FROM a AS one\nFROM one AS two\nFROM two',
      {},
      ['0:one < a', '1:two < #0 needs 0', '2 < #1 needs 1'],
    ],
    ['only what the target needs', 'FROM a AS x\nFROM b AS y\nFROM c\nCOPY --from=x / /', {}, ['0:x < a', '2 < c needs 0']],
    ['a target in any case', 'FROM a AS Build\nFROM b', { target: 'BUILD' }, ['0:build < a']],
    ['the last of two targets of one name', 'FROM a AS x\nFROM b AS x\nFROM c', { target: 'x' }, ['1:x < b']],
    ['COPY --from in any case', 'FROM a AS Build\nFROM b\nCOPY --from=bUILD / /', {}, ['0:build < a', '1 < b needs 0']],
    ['FROM only in lower case', 'FROM a AS base\nFROM Base', {}, ['1 < Base']],
    ['COPY --from by number', 'FROM a\nFROM b\nFROM c\nCOPY --from=1 / /\nCOPY --from=0 / /', {}, ['0 < a', '1 < b', '2 < c needs 0 1']],
    ['COPY --from of an image', 'FROM a\nCOPY --from=nginx:1 / /', {}, ['0 < a']],
    ['the nearest stage of a name', 'FROM a AS x\nFROM b AS x\nFROM x AS x\nFROM x', {}, ['1:x < b', '2:x < #1 needs 1', '3 < #2 needs 2']],
    ['an image of its own name', 'FROM node AS node', {}, ['0:node < node']],
    ['a later stage of that name as an image', 'FROM x\nFROM a AS x\nFROM b\nCOPY --from=0 / /', {}, ['0 < x', '2 < b needs 0']],
    ['a stage that hides scratch', 'FROM a AS scratch\nFROM scratch', {}, ['0:scratch < a', '1 < #0 needs 0']],
    ['one dependency for many copies', 'FROM a AS x\nFROM x\nCOPY --from=x / /\nCOPY --from=0 / /', {}, ['0:x < a', '1 < #0 needs 0']],
    ['global arguments', 'ARG V=12\nARG I=debian:$V\nFROM $I', {}, ['0 < debian:12']],
    ['--build-arg', 'ARG V=12\nFROM debian:${V}', { buildArgs: { V: '13' } }, ['0 < debian:13']],
    ['a default in FROM', 'FROM debian:${V:-11}', {}, ['0 < debian:11']],
    [
      'an automatic argument in a stage name',
      'FROM a AS for-arm64\nFROM b AS for-amd64\nFROM for-$TARGETARCH',
      { platformArgs: { TARGETARCH: 'amd64' } },
      ['1:for-amd64 < b', '2 < #1 needs 1'],
    ],
    ['a broken stage that is not needed', 'FROM $NOTHING AS x\nFROM --platform=$NOTHING a AS y\nFROM b', {}, ['2 < b']],
    ['TARGETSTAGE', 'FROM a-$TARGETSTAGE AS One\nFROM b', { target: 'one' }, ['0:one < a-one']],
    ['TARGETSTAGE of a stage without name', 'FROM a-$TARGETSTAGE', {}, ['0 < a-default']],
  ] as const)
    it(`takes ${what}`, () => assert.deepEqual(drawn(plan(text, given)), expected))

  for (const [what, text, given, error] of [
    [
      'an unknown target',
      'FROM a AS build',
      { target: 'biuld' },
      { message: 'target stage "biuld" could not be found', hint: 'did you mean build?' },
    ],
    ['a number as target', 'FROM a AS build', { target: '0' }, { message: 'target stage "0" could not be found', hint: 'there are build' }],
    ['a stage that copies from itself', 'FROM a AS x\nCOPY --from=x / /', {}, { message: 'circular dependency detected on stage: x' }],
    ['its own number', 'FROM a\nCOPY --from=0 / /', {}, { message: 'circular dependency detected on stage: 0' }],
    [
      'a later stage',
      'FROM a AS x\nCOPY --from=Y / /\nFROM b AS y\nCOPY --from=x / /',
      {},
      { message: 'cannot copy from stage "Y", it needs to be defined before current stage "x"' },
    ],
    [
      'a later number',
      'FROM a\nCOPY --from=1 / /\nFROM b\nCOPY --from=0 / /',
      {},
      { message: 'cannot copy from stage "1", it needs to be defined before current stage "0"' },
    ],
    [
      'a number that is no stage',
      'FROM a\nCOPY --from=7 / /',
      {},
      { message: 'invalid from flag value 7: there is no such stage', hint: 'stages count from 0 to 0' },
    ],
    ['COPY from scratch', 'FROM a\nCOPY --from=scratch / /', {}, { message: 'nothing can be copied from scratch' }],
    ['a base that comes to nothing', 'FROM $X', {}, { message: 'base name ($X) should not be blank' }],
    ['a platform that comes to nothing', 'FROM --platform=$X a', {}, { message: 'empty platform value from expression $X' }],
    [
      'a required argument that is missing',
      'FROM a:${V:?missing}',
      {},
      { code: 'DOCKERFILE_VARIABLE', message: 'V: missing in "a:${V:?missing}"' },
    ],
  ] as const)
    it(`refuses ${what}`, () => assert.throws(() => plan(text, given), { code: 'DOCKERFILE_STAGE', ...error }))

  it('says what each COPY --from means, and points at the flag that is wrong', () => {
    const [, stage] = plan('FROM a AS x\nFROM b\nCOPY --from=X / /\nCOPY --from=img / /')
    assert.deepEqual(Object.fromEntries(stage?.sources ?? []), { X: { kind: 'stage', index: 0 }, img: { kind: 'image', reference: 'img' } })
    assert.throws(() => plan('FROM a\nCOPY --from=7 / /'), { at: { file: 'D', startLine: 2, endLine: 2, startColumn: 6, endColumn: 14 } })
  })

  it('gives a stage its instructions and its platform', () => {
    const [stage] = plan('ARG P=linux/arm64\nFROM --platform=$P a\nENV x=1\nRUN true')
    assert.deepEqual(
      [stage?.platform, stage?.instructions.map(({ kind }) => kind), stage?.from.image],
      ['linux/arm64', ['env', 'run'], 'a'],
    )
  })

  it('plans 20,000 stages of one name in proportion', () => {
    const start = performance.now()
    assert.equal(plan('FROM x AS x\n'.repeat(20_000)).length, 20_000)
    assert.ok(performance.now() - start < 3000)
  })
})

describe('stageGlobals', () => {
  it('has the automatic arguments, TARGETSTAGE and the global ones', () => {
    const parsed = parseDockerfile('ARG a=$TARGETOS\nFROM x AS One', 'D')
    const found = stageGlobals(parsed, optionsOf({ platformArgs: { TARGETOS: 'linux' } }))
    assert.deepEqual(Object.fromEntries(found), { TARGETOS: 'linux', TARGETSTAGE: 'one', a: 'linux' })
  })
})
