import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { noSandbox } from '../../fixtures/sandbox.ts'
import { type Complaint, complains, published } from './failing.ts'
import { provesSound } from './kill-support.ts'
import { type CommandOptions, Workbench, withBench } from './workbench.ts'

/** A build that must fail: its Dockerfile, further arguments, and what is said. */
type BuildCase = readonly [what: string, dockerfile: string, complaint: Complaint, args?: readonly string[]]

const DOCKERFILES: readonly BuildCase[] = [
  [
    'an unknown instruction',
    'FROM base\nRUM ls\n',
    { says: 'unknown instruction: RUM', hint: 'did you mean RUN?', shows: / 2 \| >>> RUM ls/ },
  ],
  ['an instruction without words', 'FROM base\nEXPOSE\n', { says: 'EXPOSE requires at least one argument', shows: / 2 \| >>> EXPOSE/ }],
  ['no FROM', 'RUN ls\n', { says: 'no build stage in current context', hint: /FROM/, shows: / 1 \| >>> RUN ls/ }],
  ['an empty file', '', { says: /empty|no FROM|no instruction/ }],
  [
    'a mount of an unknown type',
    'FROM base\nRUN --mount=type=cahe,target=/x ls\n',
    { says: 'unsupported mount type "cahe"', hint: 'did you mean cache?', shows: /\^{8}/ },
  ],
  ['an unknown flag of an instruction', 'FROM base\nCOPY --chwon=1 a /\n', { says: /--chwon/, hint: /--chown/ }],
  ['a heredoc without an end', 'FROM base\nRUN <<X\nls\n', { says: /X/ }],
  ['a base that is no reference', 'FROM Base!\n', { says: /not an image reference: "Base!"/, hint: /host/, shows: / 1 \| >>> FROM/ }],
  ['a missing target', 'FROM base AS one\n', { says: /"two"/, hint: /one/ }, ['--target', 'two']],
  [
    'a missing source',
    'FROM base\nCOPY fil.txt /\n',
    {
      says: '"fil.txt" is not in the build context',
      hint: 'did you mean file.txt?',
      shows: / 2 \| >>> COPY fil\.txt \/\n {5}\| {10}\^{7}\n/,
    },
  ],
  [
    'an ignored source',
    'FROM base\nCOPY out/a /\n',
    { says: '"out/a" is not in the build context', hint: '.dockerignore:2 leaves it out: out', shows: /\n {5}\| {10}\^{5}\n/ },
  ],
  [
    'a wildcard below an ignored folder',
    'FROM base\nCOPY file.txt out/* /x/\n',
    { says: '"out/*" is not in the build context', hint: '.dockerignore:2 leaves it out: out' },
  ],
  ['a source outside the context', 'FROM base\nCOPY ../../etc/passwd /\n', { says: /"[^"]*etc\/passwd" is not in the build context/ }],
  ['a file in the way', 'FROM base\nCOPY file.txt /etc/passwd/x\n', { says: /\/etc\/passwd/ }],
  ['an unknown stage to copy from', 'FROM base\nCOPY --from=127.0.0.1:1/none /a /\n', { says: /127\.0\.0\.1:1/, shows: / 2 \| >>> COPY/ }],
  [
    'a mistyped stage in FROM',
    'FROM base AS Build\nFROM biuld\n',
    { says: /biuld is not in the store/, hint: /^did you mean the stage build\?/, shows: / 2 \| >>> FROM biuld/ },
    ['--pull=never'],
  ],
  [
    'a stage in upper case in FROM',
    'FROM base AS BUILD\nFROM BUILD\n',
    { says: /not an image reference: "BUILD"/, hint: /^did you mean the stage build\? Else write /, shows: / 2 \| >>> FROM BUILD/ },
  ],
  [
    'a mistyped stage to copy from',
    'FROM base AS build\nFROM base\nCOPY --from=biuld /a /\n',
    { says: /biuld is not in the store/, hint: /^did you mean the stage build\?/ },
    ['--pull=never'],
  ],
  [
    'a mistyped stage to mount',
    'FROM base AS build\nFROM base\nRUN --mount=from=biuld,target=/x true\n',
    { says: /biuld is not in the store/, hint: /^did you mean the stage build\?/ },
    ['--pull=never'],
  ],
  [
    'a volume that comes to nothing',
    'FROM base\nVOLUME /v $NONE\n',
    { says: 'VOLUME specified can not be an empty string', shows: / 2 \| >>> VOLUME/ },
  ],
  ['a volume without a name', 'FROM base\nVOLUME [""]\n', { says: 'VOLUME specified can not be an empty string' }],
  ['an unknown user', 'FROM base\nUSER nobdy\nRUN id\n', { says: /no user "nobdy"/ }],
  ['an unknown owner', 'FROM base\nCOPY --chown=nobdy file.txt /\n', { says: /"nobdy"/, shows: /\n {5}\| {10}\^{13}\n/ }],
  [
    'an ignored source that a variable names',
    'FROM base\nARG D=out\nCOPY file.txt \\\n  $D/a /x/\n',
    { says: '"out/a" is not in the build context', hint: '.dockerignore:2 leaves it out: out', shows: /\n {5}\| {7}\^{4}\n/ },
  ],
  ['a port that is none', 'FROM base\nEXPOSE 80 99999\n', { says: 'invalid containerPort: "99999"', shows: /\n {5}\| {15}\^{5}\n/ }],
  ['a quote that is open', 'FROM base\nENV A=1 B="x\n', { says: /double-quote/, shows: /\n {5}\| {15}\^{2}\n/ }],
  [
    'a RUN that fails',
    'FROM base\nRUN echo one; echo two >&2; exit 7\n',
    { says: 'process "/bin/sh -c echo one; echo two >&2; exit 7" did not complete successfully: exit code: 7', shows: / > one\n > two\n/ },
  ],
  ['a RUN that is killed', "FROM base\nRUN sh -c 'kill -9 $$'; exit $?\n", { says: /exit code: 137$/, hint: /SIGKILL/ }],
  ['an unknown command', 'FROM base\nRUN nosuch --flag\n', { says: /exit code: 127$/, hint: /^command not found: nosuch: / }],
  [
    'a script without its interpreter',
    'FROM base\nCOPY --chmod=755 <<EOF /x\n#!/no/such -e\nEOF\nRUN /x\n',
    { says: /exit code: 127$/, hint: /^no such interpreter: \/no\/such, which the #! line of \/x names/ },
  ],
  [
    'a heredoc without its interpreter',
    'FROM base\nRUN <<EOF\n#!/usr/bin/python9\nEOF\n',
    { says: /exit code: 127$/, hint: /^no such interpreter: \/usr\/bin\/python9, / },
  ],
  [
    'a program without its interpreter',
    'FROM base\nCOPY --chmod=755 <<EOF /x\n#!/no/such\nEOF\nRUN ["/x"]\n',
    { says: /cannot execute "\/x": it needs an interpreter or loader/, hint: /^no such interpreter: .*#! line/ },
  ],
  ['an unknown program', 'FROM base\nRUN ["/no/such"]\n', { says: /cannot execute "\/no\/such": it is not in the image/, hint: /PATH/ }],
  ['a program that is none', 'FROM base\nCOPY --chmod=755 file.txt /p\nRUN ["/p"]\n', { says: /cannot execute "\/p"/ }],
  [
    'an environment too large to run anything',
    `FROM base\nENV A=${'x'.repeat(60_000)}\nENV B=$A$A$A\nRUN true\n`,
    { says: /cannot execute "\/bin\/sh": it has more arguments or environment/, hint: /128 KiB/ },
  ],
  ['an image without a shell', 'FROM scratch\nRUN ls\n', { says: /cannot execute "\/bin\/sh": it is not in the image/ }],
  ['an unknown kind of output', 'FROM base\n', { status: 2, says: /--output type=foo/, hint: /oci/ }, ['-o', 'type=foo']],
  ['an output that cannot be', 'FROM base\n', { says: /cannot write \/no\/such\/x\.tar/ }, ['-o', 'type=oci,dest=/no/such/x.tar']],
  ['an output below /proc', 'FROM base\n', { says: /\/proc\/x/ }, ['-o', 'type=local,dest=/proc/x']],
  ['a file for an output folder', 'FROM base\n', { says: /Dockerfile/ }, ['-o', 'type=local,dest=Dockerfile']],
  [
    'a named context of an impossible name',
    'FROM base\n',
    { says: /^--build-context n: there is no .*ENAMETOOLONG/ },
    ['--build-context', `n=${'x'.repeat(5000)}`],
  ],
  ['an unknown flag', 'FROM base\n', { status: 2, says: "unknown option '--taget'", hint: /--target/ }, ['--taget', 'x']],
  ['a flag without its value', 'FROM base\n', { status: 2, says: /--jobs/ }, ['--jobs', 'many']],
  ['a bad platform', 'FROM base\n', { status: 2, says: 'not a platform: "//"', hint: /linux\/amd64/ }, ['--platform', '//']],
  ['a bad name', 'FROM base\n', { status: 2, says: /not an image reference: "UPPER"/ }, ['-t', 'UPPER']],
  ['a push without a name', 'FROM base\n', { status: 2, says: /name/, hint: /--tag/ }, ['--push']],
  ['a registry that is down', 'FROM 127.0.0.1:1/x\n', { says: /cannot reach 127\.0\.0\.1:1: .*ECONNREFUSED/, hint: /network/ }],
]

describe('bad input', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
    for (const file of ['file.txt', 'more.txt', 'out/a']) bench.write(`context/${file}`, file)
    bench.write('context/.dockerignore', '# made things\nout\n')
  })

  async function fails(args: readonly string[], complaint: Complaint, options?: CommandOptions): Promise<void> {
    const before = published(bench)
    complains(await bench.run(args, options), complaint)
    assert.deepEqual(published(bench), before)
  }

  describe('in a Dockerfile or the flags of a build', () => {
    for (const [what, dockerfile, complaint, args = []] of DOCKERFILES)
      it(`${what} is told in one line, and changes nothing`, () => {
        const named = args.includes('--push') ? args : ['-t', 'never', ...args]
        return fails([...bench.buildOf(dockerfile), ...named, bench.context], complaint)
      })
  })

  const COMMANDS: readonly [what: string, args: readonly string[], complaint: Complaint][] = [
    ['a context that is not there', ['build', '/no/such'], { says: /^no build context at \/no\/such/ }],
    ['a context of an impossible name', ['build', 'x'.repeat(5000)], { says: /^no build context at .*ENAMETOOLONG/ }],
    ['a URL longer than a file name', ['build', `http://127.0.0.1:1/${'x'.repeat(5000)}`], { says: /127\.0\.0\.1:1/ }],
    ['a file as context', ['build', 'Dockerfile'], { says: /Dockerfile is no folder and no tar$/ }],
    ['a context without Dockerfile', ['build', 'home'], { says: /^no Dockerfile at .*home\/Dockerfile$/, hint: /-f/ }],
    [
      'a misspelt Dockerfile',
      ['build', '-f', 'context/fiel.txt', 'context'],
      { says: /^no Dockerfile at .*fiel\.txt$/, hint: 'did you mean file.txt?' },
    ],
    ['no context', ['build'], { status: 2, says: /context/ }],
    ['an unknown command', ['bulid'], { status: 2, says: 'unknown command "bulid"', hint: 'did you mean build?' }],
    ['an image that is not there', ['push', 'nosuch', '127.0.0.1:1/x'], { says: 'no local image "nosuch"', hint: /tsbuild images/ }],
    ['a layout that is not there', ['pull', 'oci:/no/such'], { says: /\/no\/such is no image layout/ }],
    ['a run of what nobody has', ['run', '127.0.0.1:1/none'], { status: 125, says: /127\.0\.0\.1:1/ }],
    ['a run of an unknown program', ['run', 'base', '/no/such'], { status: 127, says: /\/no\/such/ }],
    ['a run of what is no program', ['run', 'base', '/etc/passwd'], { status: 126, says: /\/etc\/passwd/ }],
    ['an unknown image to name', ['tag', 'nosuch', 'x'], { says: 'no local image "nosuch"' }],
    ['a bad file of certificates', ['pull', '--cert-file', 'nosuch.pem', '127.0.0.1:1/x'], { says: /nosuch\.pem/ }],
  ]
  describe('for a command', () => {
    for (const [what, args, complaint] of COMMANDS) it(`${what} is told in one line, and changes nothing`, () => fails(args, complaint))
  })

  describe('as the state folder', () => {
    const STORES: readonly [what: string, root: () => string, complaint: Complaint][] = [
      ['one that cannot be made', () => '/proc/none', { says: /^cannot use \/proc\/none as the store: ENOENT/, hint: /TSBUILD_ROOT/ }],
      ['a file', () => bench.write('plain', ''), { says: /^cannot use .*\/plain as the store: ENOTDIR/, hint: /TSBUILD_ROOT/ }],
      ['a folder with other things', () => bench.context, { says: /is not a store of this release/, hint: /TSBUILD_ROOT/ }],
      ['one that the group may enter', () => openFolder(0o750), { says: /can be entered by others \(mode 750\)$/, hint: /^chmod 700 / }],
      ['one that others may enter', () => openFolder(0o701), { says: /can be entered by others \(mode 701\)$/, hint: /^chmod 700 / }],
    ]
    function openFolder(mode: number): string {
      const folder = `${bench.folder}/open-${mode.toString(8)}`
      mkdirSync(folder)
      chmodSync(folder, mode)
      return folder
    }
    for (const [what, root, complaint] of STORES)
      it(`${what} is refused, and nothing is written there`, async () => {
        const folder = root()
        const files = () => (existsSync(folder) && folder !== `${bench.folder}/plain` ? readdirSync(folder) : [])
        const before = files()
        for (const words of [['images'], ['build', '-f', 'Dockerfile', bench.context], ['store', 'check']])
          complains(await bench.run(words, { env: { TSBUILD_ROOT: folder } }), complaint)
        assert.deepEqual(files(), before)
      })
    it('one that may not be written is refused', async function () {
      if (process.getuid?.() === 0) return this.skip() // root may write everywhere
      const env = { TSBUILD_ROOT: `${bench.folder}/read-only` }
      await bench.expect(['images'], { env })
      chmodSync(env.TSBUILD_ROOT, 0o500)
      complains(await bench.run(['images'], { env }), { says: /^cannot use .* as the store: EACCES/, hint: /TSBUILD_ROOT/ })
      chmodSync(env.TSBUILD_ROOT, 0o700)
    })
  })

  it('leaves a sound store', () => provesSound(bench))
})

describe('a disk that is full', function () {
  this.timeout(60_000)
  let bench: Workbench
  before(async function () {
    const missing = noSandbox() ?? (process.getuid?.() === 0 ? undefined : 'only root may mount a small file system')
    if (missing !== undefined) return void this.skip()
    bench = await Workbench.create()
    mkdirSync(bench.store, { mode: 0o700 })
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tsbuild-test', bench.store])
    if (status !== 0) return void this.skip() // no right to mount in this place
    await bench.addBase()
  })
  after(async () => {
    if (bench !== undefined) spawnSync('umount', [bench.store])
    await bench?.[Symbol.asyncDispose]()
  })

  const random = (megabytes: number) => `dd if=/dev/urandom bs=1M count=${megabytes}`
  const CASES: readonly [what: string, dockerfile: string, complaint: Complaint][] = [
    ['a COPY', 'FROM base\nCOPY big /\n', { says: /ENOSPC/, hint: /TSBUILD_ROOT/ }],
    ['a RUN that writes too much', `FROM base\nRUN ${random(40)} of=/big\n`, { says: /exit code: 1$/, shows: /No space left on device/ }],
    ['the layer of a RUN', `FROM base\nRUN ${random(14)} of=/big\n`, { says: /ENOSPC/, hint: /TSBUILD_ROOT/ }],
  ]
  for (const [what, dockerfile, complaint] of CASES)
    it(`ends ${what} in one line, and the store is sound`, async () => {
      if (!existsSync(`${bench.context}/big`)) spawnSync('sh', ['-c', `${random(40)} of=${bench.context}/big`])
      const before = published(bench)
      complains(await bench.build(dockerfile, ['-t', 'never']), complaint)
      assert.deepEqual(published(bench), before)
      await provesSound(bench)
    })

  it('is no trouble any more once there is room', async () => {
    const { status, stderr } = await bench.build('FROM base\nRUN echo small > /small\n', ['-t', 'small'])
    assert.equal(status, 0, stderr)
    await provesSound(bench)
  })
})
