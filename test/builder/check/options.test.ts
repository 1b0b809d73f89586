import assert from 'node:assert/strict'
import { firedBy, prepared } from './checking.ts'

/** Fires StageNameCasing at 1, LegacyKeyValueFormat and SecretsUsedInArgOrEnv at 2. */
const FILE = 'FROM a AS Big\nENV TOKEN x\n'
const ALL = ['StageNameCasing', 'SecretsUsedInArgOrEnv', 'LegacyKeyValueFormat']

async function rulesOf(text: string, args: Record<string, string> = {}): Promise<string[]> {
  return (await firedBy(text, { args })).map((fired) => fired.split(' ')[0] ?? '')
}

describe('# check=', () => {
  for (const [directive, expected] of [
    ['', ALL],
    ['# check=skip=StageNameCasing,LegacyKeyValueFormat\n', ['SecretsUsedInArgOrEnv']],
    ['# check=skip=all\n', []],
    ['# check=experimental=all;skip=all;error=true\n', []],
    ['# check=error=false\n', ALL],
    ['# check=skip=StageNameCasing // as others call it\n', ALL.slice(1)],
    ['# check=skip=StageNameCasing, LegacyKeyValueFormat\n', ['InvalidCheckOption', 'InvalidCheckOption', ...ALL.slice(1)]],
  ] as const)
    it(`takes ${JSON.stringify(directive)}`, async () => assert.deepEqual(await rulesOf(directive + FILE), expected))

  it('names the rule that was perhaps meant', async () => {
    const { report } = await prepared(`# check=skip=StageNameCassing,zzz\n${FILE}`)
    assert.deepEqual(
      report.flatMap(({ rule, message, hint, at }) => (rule === 'InvalidCheckOption' ? [[message, hint, at?.startLine]] : [])),
      [
        ['no rule is called "StageNameCassing"', 'did you mean StageNameCasing?', 1],
        ['no rule is called "zzz"', 'docs/rules/README.md lists them', 1],
      ],
    )
  })

  for (const directive of ['skip', 'skipp=all', 'error=maybe', 'skip=A;error=true;experimental=B;skip=C'])
    it(`refuses ${directive} at its line`, () =>
      assert.rejects(prepared(`# check=${directive}\n${FILE}`), {
        code: 'CHECK_OPTION',
        at: { file: 'Dockerfile', startLine: 1, endLine: 1 },
      }))

  it('is replaced by the build argument, even by an empty one', async () => {
    const file = `# check=skip=all;error=true\n${FILE}`
    assert.deepEqual(await rulesOf(file, { BUILDKIT_DOCKERFILE_CHECK: 'skip=StageNameCasing' }), ALL.slice(1))
    assert.deepEqual(await rulesOf(file, { BUILDKIT_DOCKERFILE_CHECK: '' }), ALL)
    await assert.rejects(prepared(file, { args: { BUILDKIT_DOCKERFILE_CHECK: 'x' } }), { code: 'CHECK_OPTION' })
  })

  it('above an instruction is about that one alone', async () => {
    const two = 'ENV b c\n# check=skip=LegacyKeyValueFormat\nENV d \\\n e\n'
    assert.deepEqual(await firedBy(`FROM a\n${two}`), ['LegacyKeyValueFormat 2'])
    assert.deepEqual(await firedBy('FROM a\n# check=experimental=all\n# other\nARG x=1'), ['InvalidDefinitionDescription 4'])
    assert.deepEqual(await firedBy('FROM a\n# check=error=true;skip=LegacyKeyValueFormat\nENV a b'), [])
    assert.deepEqual(await firedBy('FROM a\n# check=skipp=all\nENV a b'), ['InvalidCheckOption 3', 'LegacyKeyValueFormat 3'])
    assert.deepEqual(await firedBy('FROM a\n# check=skip=all\n\nENV a b'), ['LegacyKeyValueFormat 4'])
  })
})

describe('error=true', () => {
  const errorOf = async (text: string, args?: Record<string, string>) => {
    const { outcome, report } = await prepared(text, { ...(args && { args }) })
    return { error: 'error' in outcome ? outcome.error : undefined, count: report.length }
  }

  it('makes what was found one error, and the warnings are there all the same', async () => {
    const { error, count } = await errorOf(`# check=error=true\n${FILE}`)
    const message = 'lint violation found for rules: LegacyKeyValueFormat, SecretsUsedInArgOrEnv, StageNameCasing'
    assert.deepEqual([(error as Error & { code: string }).code, (error as Error).message, count], ['CHECK_FAILED', message, 3])
  })

  it('is silent when nothing is found, or only by rules that BuildKit does not have', async () => {
    assert.deepEqual(await errorOf('# check=error=true\nFROM a\nUSER b'), { error: undefined, count: 0 })
    assert.deepEqual(await errorOf('# check=error=true;skip=NoSuchRule\nFROM a\nUSER b', { unused: '1' }), { error: undefined, count: 2 })
  })

  it('comes after an error of the build itself, which keeps what was found before it', async () => {
    const { error, count } = await errorOf('# check=error=true\nFROM a AS Big\nENV TOKEN=1\nCOPY --from=7 a b\nSTOPSIGNAL $x')
    assert.deepEqual([(error as Error & { code: string }).code, count], ['DOCKERFILE_STAGE', 1])
    const later = await errorOf('# check=error=true\nFROM a AS Big\nENV TOKEN=1\nSTOPSIGNAL $x')
    assert.deepEqual([(later.error as Error & { code: string }).code, later.count], ['DOCKERFILE_SYNTAX', 3])
  })
})
