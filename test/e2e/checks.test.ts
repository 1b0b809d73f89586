import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { complains } from './failing.ts'
import { type Ended, Workbench } from './workbench.ts'

/** A file with three warnings, a stage that nobody needs, and a RUN that must never run. */
const FILE = `# VERSION of everything
ARG VERSION=1
FROM scratch AS Files
ENV TOKEN x
# extra files nobody asks for
FROM scratch AS extra
ARG MODE=fast
COPY a.txt /
RUN ["/no/such"]
FROM files
ARG VERSION
COPY a.txt /
`

describe('build checks of the program', function () {
  this.timeout(60_000)
  let bench: Workbench
  before(async () => {
    bench = await Workbench.create()
    bench.write('context/a.txt', 'a')
  })
  after(() => bench?.[Symbol.asyncDispose]())

  const check = (dockerfile: string, ...args: string[]): Promise<Ended> => bench.build(dockerfile, args.length === 0 ? ['--check'] : args)

  it('shows each warning with its page and lines, runs nothing and makes no store', async () => {
    const { status, stdout, stderr } = await check(FILE)
    assert.deepEqual({ status, stderr }, { status: 1, stderr: '' })
    const file = join(bench.folder, 'Dockerfile')
    assert.deepEqual(
      stdout.split('\n').filter((line) => !/^ {1,3}(?:\d+)? *\|/.test(line) && !/^-+$/.test(line)),
      [
        'Check complete, 3 warnings have been found!',
        '',
        'WARNING: StageNameCasing - docs/rules/stage-name-casing.md',
        'stage name "Files" should be in lower case',
        `${file}:3`,
        '',
        'WARNING: SecretsUsedInArgOrEnv - docs/rules/secrets-used-in-arg-or-env.md',
        'ENV "TOKEN" seems to hold a secret, and everybody with the image could read it: use RUN --mount=type=secret',
        `${file}:4`,
        '',
        'WARNING: LegacyKeyValueFormat - docs/rules/legacy-key-value-format.md',
        'write ENV key=value instead of ENV key value',
        `${file}:4`,
        '',
        `Note: not built, since the last stage needs nothing of it: extra (${file}:6)`,
        '',
      ],
    )
    assert.match(stdout, / 3 \| >>> FROM scratch AS Files\n +\| {21}\^{5}\n/)
    assert.equal(existsSync(bench.store), false)
  })

  it('is content with a file without warnings, and with one whose warnings are not asked for', async () => {
    assert.deepEqual(await check('FROM scratch\nCOPY a.txt /\n'), ended(0, 'Check complete, no warnings found.\n'))
    assert.deepEqual(
      await check(FILE, '--check', '--target=files', '--build-arg=BUILDKIT_DOCKERFILE_CHECK=skip=all'),
      ended(0, 'Check complete, no warnings found.\n'),
    )
    assert.equal((await check(FILE, '--call=check,ignorestatus=true')).status, 0)
  })

  it('gives the same as JSON', async () => {
    const { status, stdout } = await check(FILE, '--call=check,format=json')
    const { warnings, sources, ...rest } = JSON.parse(stdout)
    assert.deepEqual([status, rest, warnings.length], [1, {}, 3])
    assert.deepEqual(warnings[0], {
      ruleName: 'StageNameCasing',
      description: 'A stage name has upper-case letters',
      url: 'docs/rules/stage-name-casing.md',
      detail: 'stage name "Files" should be in lower case',
      location: { sourceIndex: 0, ranges: [{ start: { line: 3, character: 16 }, end: { line: 3, character: 21 } }] },
    })
    assert.equal(Buffer.from(sources[0].data, 'base64').toString(), FILE)
  })

  it('tells an error after the warnings, at its place', async () => {
    const broken = 'FROM scratch AS Files\nSTOPSIGNAL NO\n'
    const text = await check(broken)
    assert.match(text.stdout, /^Check ended with an error, 1 warning has been found!$/m)
    complains({ ...text, stdout: '' }, { says: 'invalid signal: "NO"', shows: / 2 \| >>> STOPSIGNAL NO/ })
    const json = await check(broken, '--call=check,format=json')
    const { warnings, buildError } = JSON.parse(json.stdout)
    assert.deepEqual([json.status, json.stderr, warnings.length], [1, '', 1])
    assert.deepEqual([buildError.message, buildError.location.ranges[0].start.line], ['invalid signal: "NO"', 2])
    const unreadable = await check('FROM scratch\nRUM x\n', '--call=check,format=json')
    assert.equal(JSON.parse(unreadable.stdout).buildError.message, 'unknown instruction: RUM')
  })

  it('lists targets', async () => {
    assert.deepEqual(
      await check(FILE, '--call=targets'),
      ended(0, 'TARGET      DESCRIPTION\nfiles\nextra       files nobody asks for\n(default)\n'),
    )
    const { targets } = JSON.parse((await check(FILE, '--call=targets,format=json')).stdout)
    const location = { ranges: [{ start: { line: 6, character: 0 }, end: { line: 6, character: 0 } }] }
    assert.deepEqual(targets[1], { name: 'extra', description: 'files nobody asks for', base: 'scratch', location })
    assert.deepEqual([targets[2].name, targets[2].default, targets[2].base], [undefined, true, 'files'])
  })

  it('outlines what can be given to a target', async () => {
    const file = 'FROM scratch AS one\nRUN --mount=type=secret,id=npm,required --mount=type=ssh --mount=type=cache,target=/c x\n'
    const outline = 'TARGET:      one\n\nSECRET   REQUIRED\nnpm      true\n\nSSH       REQUIRED\ndefault\n'
    assert.deepEqual(await check(file, '--call=outline'), ended(0, outline))
    const given = await check(FILE, '--call=outline', '--build-arg=VERSION=2')
    assert.equal(given.stdout, 'TARGET:      (default)\n\nBUILD ARG   VALUE   DESCRIPTION\nVERSION     2       of everything\n')
    const { name, args, cache } = JSON.parse((await check(FILE, '--call=outline,format=json', '--target=EXTRA')).stdout)
    assert.deepEqual(
      [name, args.map((arg: { name: string; value: string }) => [arg.name, arg.value]), cache],
      ['extra', [['MODE', 'fast']], []],
    )
  })

  it('outlines mounts by what their variables are; one that cannot be read is left out', async () => {
    const file = [
      'FROM scratch AS below\nENV TYPE=secret',
      'FROM below\nARG ID=a\nRUN --mount=type=$TYPE,id=$ID-1 --mount=type=cache,sharing=$UNKNOWN,target=/c true\n',
    ].join('\n')
    const { secrets, cache } = JSON.parse((await check(file, '--call=outline,format=json', '--build-arg=ID=b')).stdout)
    assert.deepEqual([secrets.map(({ name }: { name: string }) => name), cache.map(({ ID }: { ID: string }) => ID)], [['b-1'], []])
  })

  it('tells what it can be asked', async () => {
    assert.match(
      (await check(FILE, '--call=subrequests.describe')).stdout,
      /^NAME +VERSION DESCRIPTION\nlint .*\noutline .*\nsubrequests.describe .*\ntargets /,
    )
    const described = JSON.parse((await check(FILE, '--call=subrequests.describe,format=json')).stdout)
    assert.deepEqual(described[1].Name, 'frontend.outline')
  })

  it('refuses calls that it does not know', async () => {
    complains(await check(FILE, '--call=chek'), { status: 2, says: '--call=chek is not known', hint: 'did you mean check?' })
    complains(await check(FILE, '--call=check,format=xml'), { status: 2, says: /format=xml/, hint: 'text or json' })
    complains(await check(FILE, '--check', '--call=outline'), { status: 2, says: /--check is --call=check/ })
    complains(await check(FILE, '--call=outline', '--target=nine'), { says: /"nine"/ })
  })

  describe('of a build', () => {
    const NEEDED = FILE.replace('RUN ["/no/such"]\n', '')
    const warned = (stderr: string) => stderr.split('\n').filter((line) => /warning|^not built/i.test(line))

    it('are told before anything runs, sorted, with their number', async () => {
      const { status, stderr } = await bench.build(NEEDED, ['--build-arg=VERSOIN=1'])
      const file = join(bench.folder, 'Dockerfile')
      assert.equal(status, 0, stderr)
      assert.deepEqual(warned(stderr), [
        `WARNING: StageNameCasing: stage name "Files" should be in lower case (${file}:3)`,
        `WARNING: SecretsUsedInArgOrEnv: ENV "TOKEN" seems to hold a secret, and everybody with the image could read it: use RUN --mount=type=secret (${file}:4)`,
        `WARNING: LegacyKeyValueFormat: write ENV key=value instead of ENV key value (${file}:4)`,
        'WARNING: UnusedBuildArg: no ARG declares --build-arg VERSOIN; did you mean VERSION?',
        '4 warnings found; tsbuild build --check shows the lines',
        `not built, since the last stage needs nothing of it: extra (${file}:6)`,
      ])
      assert.ok(stderr.indexOf('4 warnings') < stderr.indexOf('COPY'))
    })

    it('are not told when quiet', async () => {
      const { status, stderr } = await bench.run(['build', '-q', '-f', bench.write('Dockerfile', NEEDED), bench.context])
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
    })

    it('fail it with error=true before anything runs', async () => {
      const failed = await bench.build(`# check=error=true\n${FILE}`, ['--target=extra'])
      complains(failed, { says: 'lint violation found for rules: StageNameCasing', hint: /skip/ })
      assert.doesNotMatch(failed.stderr, /COPY|RUN/)
    })
  })

  it('takes a base that there is for another platform only, and say so', async () => {
    await using shelf = await Workbench.create()
    const served = shelf.start(['registry', 'serve', '--listen', '127.0.0.1:0', '-q'])
    const [address = ''] = /127\.0\.0\.1:\d+/.exec(await served.printed(/127\.0\.0\.1:\d+/)) ?? []
    const other = await bench.build('FROM scratch\nCOPY a.txt /\n', ['--platform=linux/s390x', '-t', `${address}/other`, '--push'])
    assert.equal(other.status, 0, other.stderr)
    const env = { TSBUILD_ROOT: join(bench.folder, 'another-store') }
    for (const _ of ['from the registry', 'and once it is here']) {
      const { status, stderr } = await bench.build(`FROM ${address}/other\nCOPY a.txt /b\n`, ['--platform=linux/arm64'], { env })
      assert.equal(status, 0, stderr)
      assert.match(stderr, /^WARNING: InvalidBaseImagePlatform: .*\/other is for linux\/s390x, and linux\/arm64 was asked for/m)
    }
    served.kill('SIGTERM')
    await served.ended
  })

  it('asks a registry only for what a warning depends on, and for no layer', async () => {
    await using shelf = await Workbench.create()
    await shelf.addBase()
    const served = shelf.start(['registry', 'serve', '--listen', '127.0.0.1:0', '-q'])
    const [port] = /\d+$/m.exec(await served.printed(/127\.0\.0\.1:\d+/)) ?? []
    const name = `127.0.0.1:${port}/base`
    const down = 'FROM 127.0.0.1:1/none\nCMD ["x"]\n'
    assert.deepEqual(await check(down), ended(0, 'Check complete, no warnings found.\n'))
    const unasked = await check(`${down}LABEL a=$X\nFROM ${name}\nLABEL b=$PATH c=$Y\n`, '--check', '--insecure')
    assert.equal(unasked.status, 1)
    assert.deepEqual(
      [...unasked.stdout.matchAll(/undefined variable '(\$\w+)'/g)].map(([, variable]) => variable),
      ['$X', '$Y'],
    )
    assert.match(
      unasked.stdout,
      /^Note: the registry of 127\.0\.0\.1:1\/none did not answer: taken for an image that sets no variable and no SHELL$/m,
    )
    complains(
      { ...(await check(`FROM ${name}-not\nLABEL a=$X\n`, '--check', '--insecure')), stdout: '' },
      { says: /base-not/, shows: / 1 \| >>> FROM/ },
    )
    rmSync(bench.store, { recursive: true, force: true })
    const found = await check(`FROM ${name}\nLABEL a=$PATH b=$NOT_THERE\n`, '--check', '--insecure')
    assert.match(found.stdout, /1 warning has been found!.*Usage of undefined variable '\$NOT_THERE'/s)
    assert.ok(
      blobsOf(bench).every((size) => size < 20_000),
      blobsOf(bench).join(),
    )
    assert.deepEqual(readdirSync(join(bench.store, 'names')), [])
    const known = await shelf.build('FROM base\nLABEL a=$PATH\n', ['--check'])
    assert.equal(known.stdout, 'Check complete, no warnings found.\n')
    served.kill('SIGTERM')
    await served.ended
  })
})

function ended(status: number, stdout: string): Ended {
  return { status, signal: null, stdout, stderr: '' }
}

function blobsOf(bench: Workbench): number[] {
  const folder = join(bench.store, 'blobs/sha256')
  return readdirSync(folder).map((name) => statSync(join(folder, name)).size)
}
