// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the text under test is a Dockerfile's, no template
import assert from 'node:assert/strict'
import { globalArgs, isProxyArg, proxyEnvironment, unusedBuildArgs } from '../../../builder/dockerfile/global-args.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { Scope } from '../../../builder/dockerfile/scope.ts'

const at = { file: 'D', startLine: 1, endLine: 1 }

/** A scope after the ARG and ENV lines of `text`. */
function scopeAfter(
  text: string,
  given: { env?: string[]; globals?: Record<string, string>; buildArgs?: Record<string, string> } = {},
): Scope {
  const options = {
    globals: new Map(Object.entries(given.globals ?? {})),
    buildArgs: new Map(Object.entries(given.buildArgs ?? {})),
    escape: '\\',
  }
  return advance(new Scope(given.env ?? [], options), text)
}

function advance(scope: Scope, text: string): Scope {
  for (const instruction of parseDockerfile(`FROM a\n${text}`, 'D').instructions)
    if (instruction.kind === 'arg') scope.declareArgs(instruction)
    else if (instruction.kind === 'env') scope.setEnv(instruction)
  return scope
}

describe('Scope', () => {
  for (const [what, text, given, expected] of [
    ['a default', 'ARG a=1', {}, { a: '1' }],
    ['no value at all', 'ARG a', {}, {}],
    ['an empty default', 'ARG a=', {}, { a: '' }],
    ['--build-arg over a default', 'ARG a=1', { buildArgs: { a: '2' } }, { a: '2' }],
    ['--build-arg only once declared', 'ENV x=$a', { buildArgs: { a: '2' } }, { x: '' }],
    ['the global value when there is no default', 'ARG a', { globals: { a: 'g' } }, { a: 'g' }],
    ['a default over the global value', 'ARG a=1', { globals: { a: 'g' } }, { a: '1' }],
    ['--build-arg over the global value', 'ARG a', { globals: { a: 'g' }, buildArgs: { a: '2' } }, { a: '2' }],
    ['no global value undeclared', 'ENV x=$a', { globals: { a: 'g' } }, { x: '' }],
    ['arguments to the left in the same line', 'ARG a=1 b=${a}2 c=$b', {}, { a: '1', b: '12', c: '12' }],
    ['ENV with what was before the line', 'ENV a=1\nENV a=2 b=$a', {}, { a: '2', b: '1' }],
    ['ENV over an earlier ARG', 'ARG a=1\nENV a=2', {}, { a: '2' }],
    ['ARG over an earlier ENV', 'ENV a=1\nARG a=2', {}, { a: '2' }],
    ['ARG without value beside an ENV', 'ENV a=1\nARG a', {}, { a: '1' }],
    ['ARG over the base image', 'ARG a=2', { env: ['a=1'] }, { a: '2' }],
    ['keys of ENV expanded', 'ENV k=x\nENV $k=1', {}, { k: 'x', x: '1' }],
    ['quotes removed', 'ENV a="b c" d=e\\ f', {}, { a: 'b c', d: 'e f' }],
    ['percent signs as they are', 'ENV a=%d%%', {}, { a: '%d%%' }],
    ['the old form with its spaces', 'ENV a b  "c"', {}, { a: 'b  c' }],
    ['no SBOM argument', 'ARG BUILDKIT_SBOM_SCAN_STAGE=true', {}, {}],
  ] as const)
    it(`RUN sees ${what}`, () => {
      const { env = [], ...rest } = given as { env?: readonly string[] }
      assert.deepEqual(Object.fromEntries(scopeAfter(text, { ...rest, env: [...env] }).runEnvironment()), expected)
    })

  it('keeps ARG out of the image', () => {
    assert.deepEqual(scopeAfter('ARG a=1\nENV b=$a c=\nARG b=3', { env: ['PATH=/bin', 'b=0'] }).imageEnvironment(), [
      'PATH=/bin',
      'b=1',
      'c=',
    ])
  })

  for (const [text, given, prefix] of [
    ['ENV a=1', {}, ''],
    ['ARG a=1', {}, '|1 a=1 '],
    ['ARG a', {}, '|1 a= '],
    ['ARG b=1 a=2\nARG b=3', {}, '|2 b=3 a=2 '],
    ['ARG a=1\nENV a=2', {}, '|1 a=2 '],
    ['ARG a=1\nARG c="x y"', {}, '|2 a=1 c=x y '],
    ['ARG a', { globals: { a: 'g' } }, '|1 a=g '],
  ] as const)
    it(`${JSON.stringify(text)} puts ${JSON.stringify(prefix)} before the command in history`, () =>
      assert.equal(scopeAfter(text, given).historyPrefix(), prefix))

  it('gives a stage built from it its variables, and goes its own way', () => {
    const parent = scopeAfter('ARG a=1\nENV b=2')
    const child = advance(parent.fork(), 'ARG c=3\nENV b=4')
    assert.equal(child.historyPrefix(), '|2 a=1 c=3 ')
    assert.deepEqual(Object.fromEntries(child.runEnvironment()), { a: '1', b: '4', c: '3' })
    assert.deepEqual(Object.fromEntries(parent.runEnvironment()), { a: '1', b: '2' })
    assert.ok(child.isDeclared('a') && !parent.isDeclared('c'))
  })

  it('returns what ARG and ENV came to, for the history', () => {
    const scope = scopeAfter('', { globals: { g: 'G' } })
    assert.deepEqual(
      scope.declareArgs({
        args: [
          { key: 'a', value: '"1"' },
          { key: 'g', value: undefined },
          { key: 'u', value: undefined },
        ],
        at,
      }),
      [
        { key: 'a', value: '1' },
        { key: 'g', value: 'G' },
        { key: 'u', value: undefined },
      ],
    )
    assert.deepEqual(scope.setEnv({ kind: 'env', pairs: [{ key: '$g', value: '$a' }], at }), [{ key: 'G', value: '1' }])
  })

  it('refuses a key that is blank once expanded', () => {
    assert.throws(() => scopeAfter('ENV $x=1'), { code: 'DOCKERFILE_SYNTAX', message: 'ENV names can not be blank' })
  })

  it('warns of a variable that is not set, and names the near one', () => {
    const scope = scopeAfter('ENV VERSION=1\nENV a=$VERSOIN b=${VERSOIN:-x}')
    assert.deepEqual(
      scope.warnings.map(({ rule, message, at: { startLine } }) => [rule, message, startLine]),
      [['UndefinedVar', "Usage of undefined variable '$VERSOIN' (did you mean $VERSION?)", 3]],
    )
    const [warning] = scopeAfter('ARG RELEASE\nENV a=$RELAESE').warnings
    assert.match(warning?.message ?? '', /did you mean \$RELEASE\?/) // declared, though nobody gave it a value
  })

  it('expands words, lists and heredocs with the variables of now', () => {
    const scope = scopeAfter('ENV p="80 443"')
    assert.equal(scope.expandWord('"$p"', at), '80 443')
    assert.deepEqual(scope.expandWords('$p', at), ['80', '443'])
    assert.equal(scope.expandHeredoc('"$p"\n', at), '"80 443"\n')
  })
})

describe('globalArgs', () => {
  for (const [what, text, buildArgs, automatic, expected] of [
    ['defaults, left to right', 'ARG a=1 b=${a}2\nARG c=$b\nFROM x', {}, {}, { a: '1', b: '12', c: '12' }],
    ['--build-arg instead', 'ARG a=1 b=$a\nFROM x', { a: '2' }, {}, { a: '2', b: '2' }],
    ['nothing for a name without a value', 'ARG a\nFROM x', {}, {}, {}],
    ['--build-arg for a name without default', 'ARG a\nFROM x', { a: '2' }, {}, { a: '2' }],
    ['nothing after FROM', 'FROM x\nARG a=1', { a: '2' }, {}, {}],
    ['automatic arguments undeclared', 'ARG a=$TARGETARCH\nFROM x', {}, { TARGETARCH: 'arm64' }, { TARGETARCH: 'arm64', a: 'arm64' }],
    ['--build-arg over automatic ones', 'FROM x', { TARGETARCH: 's390x' }, { TARGETARCH: 'arm64' }, { TARGETARCH: 's390x' }],
    ['automatic ones declared without default', 'ARG TARGETARCH\nFROM x', {}, { TARGETARCH: 'arm64' }, { TARGETARCH: 'arm64' }],
  ] as const)
    it(`takes ${what}`, () => {
      const found = globalArgs(parseDockerfile(text, 'D'), new Map(Object.entries(buildArgs)), new Map(Object.entries(automatic)))
      assert.deepEqual(Object.fromEntries(found), expected)
    })
})

describe('proxies and unused arguments', () => {
  it('knows proxy arguments in any case and gives both cases', () => {
    assert.deepEqual(['HTTP_PROXY', 'https_proxy', 'No_Proxy', 'ALL_PROXY', 'ftp_proxy', 'MY_PROXY'].map(isProxyArg), [
      true,
      true,
      true,
      true,
      true,
      false,
    ])
    assert.deepEqual(
      Object.fromEntries(
        proxyEnvironment(
          new Map([
            ['http_proxy', 'p'],
            ['X', 'y'],
          ]),
        ),
      ),
      { HTTP_PROXY: 'p', http_proxy: 'p' },
    )
  })

  it('names --build-arg values that nothing uses', () => {
    const parsed = parseDockerfile('ARG VERSION=1\nFROM a\nARG b\nONBUILD ARG c', 'D')
    const unused = unusedBuildArgs(parsed, [
      'VERSOIN',
      'b',
      'c',
      'HTTP_PROXY',
      'TARGETARCH',
      'SOURCE_DATE_EPOCH',
      'BUILDKIT_INLINE_CACHE',
      'zzz',
    ])
    assert.deepEqual(unused, [
      { name: 'VERSOIN', suggestion: 'VERSION' },
      { name: 'zzz', suggestion: undefined },
    ])
  })
})
