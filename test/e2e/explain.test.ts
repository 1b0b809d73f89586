import assert from 'node:assert/strict'
import { chmodSync, renameSync, rmSync, utimesSync } from 'node:fs'
import { digestOf } from '../../registry/oci/digest.ts'
import { complains } from './failing.ts'
import { provesSound } from './kill-support.ts'
import { type Workbench, withBench } from './workbench.ts'

const DOCKERFILE = `FROM base
ENV MODE=dev
WORKDIR /app
COPY package.json ./
RUN cat package.json > installed
COPY --chown=1:2 src ./src
ARG VERSION=1
RUN --mount=type=bind,source=tools,target=/tools cat /tools/* src/* > all
`
const FILES: Readonly<Record<string, string>> = {
  'package.json': '{}',
  'src/a.js': 'a',
  'src/b.js': 'b',
  'src/notes.md': 'n',
  'tools/t': 't',
  '.dockerignore': '**/*.log\n',
}

interface Edit {
  readonly dockerfile?: (text: string) => string
  readonly files?: (bench: Workbench) => void
  readonly args?: readonly string[]
}
/** The steps that are done again, by the beginning of their title, with the reason that is told. */
type Redone = Readonly<Record<string, string | RegExp>>

const replaced = (from: string, to: string) => ({ dockerfile: (text: string) => text.replace(from, to) })
const PARENT = /^the step before gave another result: /
const REST = { 'RUN --mount': PARENT }
const INSTALL_AND_REST = { 'COPY package.json': PARENT, 'RUN cat package': PARENT, 'COPY --chown': PARENT, ...REST }

const EDITS: readonly [what: string, edit: Edit, redone: Redone][] = [
  ['nothing', {}, {}],
  [
    'a file',
    { files: (b) => b.write('context/src/b.js', 'B') },
    { 'COPY --chown': /^b\.js changed: [0-9a-f]{12} -> [0-9a-f]{12}$/, ...REST },
  ],
  [
    'two files',
    { files: (b) => ['a', 'b'].map((name) => b.write(`context/src/${name}.js`, 'changed')) },
    { 'COPY --chown': /^a\.js changed: .*, and 1 more$/, ...REST },
  ],
  [
    'a mode',
    { files: (b) => chmodSync(`${b.context}/src/a.js`, 0o755) },
    { 'COPY --chown': 'a.js changed: mode 0644 -> mode 0755', ...REST },
  ],
  [
    'a name',
    { files: (b) => renameSync(`${b.context}/src/b.js`, `${b.context}/src/c.js`) },
    { 'COPY --chown': 'c.js was called b.js', ...REST },
  ],
  ['a new file', { files: (b) => b.write('context/src/c.js', 'c') }, { 'COPY --chown': 'c.js is new', ...REST }],
  ['a file less', { files: (b) => rmSync(`${b.context}/src/b.js`) }, { 'COPY --chown': 'b.js is gone', ...REST }],
  ['times only', { files: (b) => utimesSync(`${b.context}/src/a.js`, 1, 1) }, {}],
  [
    'a file that is copied early',
    { files: (b) => b.write('context/package.json', '{"a":1}') },
    { ...INSTALL_AND_REST, 'COPY package.json': /^package\.json changed/ },
  ],
  [
    'a file that a bind shows',
    { files: (b) => b.write('context/tools/t', 'T') },
    { 'load build context': /^context\/t changed|^t changed/, 'RUN --mount': /t changed/ },
  ],
  ['an ignored file', { files: (b) => b.write('context/src/x.log', 'x') }, {}],
  [
    'the ignore file',
    { files: (b) => b.write('context/.dockerignore', '**/*.log\n**/*.md\n') },
    { 'COPY --chown': 'notes.md is gone', ...REST },
  ],
  ['an argument', { args: ['--build-arg', 'VERSION=2'] }, { 'RUN --mount': /^build argument VERSION changed: / }],
  ['the default of an argument', replaced('VERSION=1', 'VERSION=3'), { 'RUN --mount': /^build argument VERSION changed: / }],
  ['a further argument', replaced('ARG VERSION=1', 'ARG VERSION=1 OTHER=2'), { 'RUN --mount': 'build argument OTHER is new' }],
  [
    'a variable',
    replaced('MODE=dev', 'MODE=prod'),
    {
      'RUN cat package': /^environment variable MODE changed: /,
      'COPY --chown': PARENT,
      'RUN --mount': /^environment variable MODE changed: /,
    },
  ],
  [
    'a variable less',
    replaced('ENV MODE=dev\n', ''),
    {
      'RUN cat package': 'environment variable MODE is gone',
      'COPY --chown': PARENT,
      'RUN --mount': 'environment variable MODE is gone',
    },
  ],
  [
    'a command',
    replaced('cat package.json >', 'cat ./package.json >'),
    { 'RUN cat ./package': 'the instruction was: RUN cat package.json > installed', 'COPY --chown': PARENT, ...REST },
  ],
  ['an owner', replaced('--chown=1:2', '--chown=3:4'), { 'COPY --chown': 'chown changed: 1:2 -> 3:4', ...REST }],
  ['a mount', replaced('target=/tools cat', 'target=/tools,rw cat'), { 'RUN --mount': /^mount \/tools changed/ }],
  [
    'the working directory',
    replaced('WORKDIR /app', 'WORKDIR /App'),
    {
      WORKDIR: 'the instruction was: WORKDIR /app',
      'COPY package.json': 'destination changed: /app/ -> /App/',
      'RUN cat package': /^workdir changed/,
      'COPY --chown': 'destination changed: /app/src -> /App/src',
      'RUN --mount': /^workdir changed/,
    },
  ],
  ['the user', replaced('ARG VERSION', 'USER 0\nARG VERSION'), { 'RUN --mount': 'user changed:  -> 0' }],
  ['a comment', replaced('ARG VERSION', '# about it\nARG VERSION'), {}],
  ['a label', replaced('ARG VERSION', 'LABEL a=b\nARG VERSION'), {}],
  [
    'a further step',
    replaced('COPY --chown', 'RUN true\nCOPY --chown'),
    { 'RUN true': 'never done before', 'COPY --chown': /RUN true$/, ...REST },
  ],
  [
    'the order',
    { dockerfile: (text) => text.replace(/(RUN cat package.*\n)(COPY --chown.*\n)/, '$2$1') },
    { 'COPY --chown': PARENT, 'RUN cat package': PARENT, ...REST },
  ],
  ['the base', replaced('FROM base', 'FROM other'), { WORKDIR: /^base other changed: [0-9a-f]{12} -> [0-9a-f]{12}$/, ...INSTALL_AND_REST }],
  [
    'everything, on purpose',
    { args: ['--no-cache'] },
    { ...Object.fromEntries(['WORKDIR', 'load build context', ...Object.keys(INSTALL_AND_REST)].map((step) => [step, '--no-cache'])) },
  ],
]

describe('a step that is done again', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
  })
  before(async () => {
    assert.equal((await bench.build('FROM base\nRUN echo other > /other\n', ['-t', 'other'])).status, 0)
  })
  beforeEach(async () => {
    rmSync(bench.context, { recursive: true })
    for (const [path, text] of Object.entries(FILES)) bench.write(`context/${path}`, text)
    await reasonsOf(DOCKERFILE)
  })

  async function reasonsOf(dockerfile: string, args: readonly string[] = []): Promise<Record<string, string>> {
    const { status, stderr } = await bench.build(dockerfile, args)
    assert.equal(status, 0, stderr)
    const names = new Map([...stderr.matchAll(/^#(\d+) \[[^\]]*\] (.*)$/gm)].map(([, number, name]) => [number, name ?? '']))
    return Object.fromEntries(
      [...stderr.matchAll(/^#(\d+) not cached: (.*)$/gm)].map(([, number, why]) => [names.get(number) ?? '', why ?? '']),
    )
  }

  for (const [what, { dockerfile = (text: string) => text, files, args }, redone] of EDITS)
    it(`names what changed: ${what}`, async () => {
      files?.(bench)
      const reasons = Object.entries(await reasonsOf(dockerfile(DOCKERFILE), args))
      assert.deepEqual(
        reasons.map(([name]) => Object.keys(redone).find((step) => name.startsWith(step)) ?? name).sort(),
        Object.keys(redone).sort(),
        JSON.stringify(reasons),
      )
      for (const [name, why] of reasons) {
        const want = redone[Object.keys(redone).find((step) => name.startsWith(step)) ?? ''] ?? ''
        if (typeof want === 'string') assert.equal(why, want, name)
        else assert.match(why, want, name)
      }
    })

  it('is in --explain and why with the whole values, and in JSON', async () => {
    bench.write('context/src/b.js', 'B')
    const { stderr } = await bench.build(DOCKERFILE, ['--explain=json', '-t', 'app'])
    const line = stderr.split('\n').find((text) => text.startsWith('[{')) ?? ''
    const steps = JSON.parse(line) as { step: string; cached: boolean; cause?: object }[]
    const changed = { part: 'file', name: 'b.js', was: digestOf('b'), is: digestOf('B') }
    assert.deepEqual(
      steps.filter(({ cached }) => !cached).map(({ step, cause }) => [step.slice(0, 10), cause]),
      [
        ['[5/6] COPY', changed],
        ['[6/6] RUN ', steps.at(-1)?.cause],
      ],
    )
    const why = await bench.expect(['why', 'app', '5'])
    assert.match(why, /^\[5\/6\] COPY .*: b\.js changed: .*\n {2}was sha256:[0-9a-f]{64}\n {2}is {2}sha256:[0-9a-f]{64}$/)
    assert.equal((await bench.expect(['why', 'app'])).split('\n').filter((text) => text.startsWith('[')).length, 6)
    assert.deepEqual(JSON.parse(await bench.expect(['why', '--format=json', 'app', 'COPY --chown']))[0].cause, changed)
    const again = await bench.build(DOCKERFILE, ['--explain'])
    assert.equal(again.stderr.split('\n').filter((text) => text.endsWith(': cached')).length, 6, again.stderr)
  })

  it('is told by why only of images and steps that are known', async () => {
    complains(await bench.run(['why', 'base']), { says: /base was not built in this store/, hint: /pulled/ })
    await bench.build(DOCKERFILE, ['-t', 'app'])
    complains(await bench.run(['why', 'app', '77']), { says: 'no step "77"', hint: /\[2\/6\] WORKDIR/ })
  })

  it('is told as such alone in the stage of a --no-cache-filter', async () => {
    const dockerfile = 'FROM base AS one\nRUN echo 1 > /a\nFROM base AS two\nRUN echo 2 > /b\nFROM one\nCOPY --from=two /b /\n'
    await reasonsOf(dockerfile)
    const reasons = await reasonsOf(dockerfile, ['--no-cache-filter', 'TWO'])
    assert.equal(reasons['RUN echo 2 > /b'], '--no-cache')
    assert.equal(reasons['RUN echo 1 > /a'], undefined)
  })

  it('says that it was never done when everything was forgotten', async () => {
    await bench.expect(['prune', '--all'])
    await bench.addBase()
    const reasons = await reasonsOf(DOCKERFILE)
    assert.deepEqual([...new Set(Object.values(reasons))], ['never done before'], JSON.stringify(reasons))
  })

  it('leaves a sound store', () => provesSound(bench))
})
