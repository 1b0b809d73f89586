import assert from 'node:assert/strict'
import { type OnTerminal, onTerminal } from '../../fixtures/pty.ts'
import { TSBUILD, type Workbench, withBench } from './workbench.ts'

const DOCKERFILE = `FROM base AS one
RUN for i in 1 2 3 4 5 6 7 8 9; do echo "line $i of a text that is longer than a narrow window"; done; sleep 1; touch /one
FROM base AS two
RUN sleep 0.5; touch /two
FROM base
COPY --from=one /one /
COPY --from=two /two /
RUN sleep 0.3; cat /one /two
`
const STEPS = 5

describe('tsbuild build at a terminal', function () {
  this.timeout(60_000)
  let bench: Workbench
  let running: OnTerminal | undefined
  withBench((it) => {
    bench = it
  })
  afterEach(() => running?.kill())

  function build({ columns = 80, rows = 24, term = 'xterm', args = ['--no-cache'], dockerfile = DOCKERFILE } = {}): OnTerminal {
    const file = bench.write('Dockerfile', dockerfile)
    const { TERM: _, NO_COLOR: __, ...rest } = process.env
    const env = { ...rest, TSBUILD_ROOT: bench.store, TSBUILD_WORKBENCH: bench.folder, ...(term === '' ? {} : { TERM: term }) }
    running = onTerminal([TSBUILD, 'build', '-f', file, ...args, bench.context], { columns, rows, env })
    return running
  }
  /** Of the steps that have ended, as they stay above the table. */
  const endings = (text: string) => text.match(/ {2}(?:done \d+\.\ds|CACHED)$/gm) ?? []
  const isClean = ({ screen }: OnTerminal) => {
    assert.equal(endings(screen.text.split('\n#  STEP')[0] ?? '').length, STEPS, screen.text)
    assert.doesNotMatch(screen.text, /running$|^ {2}line \d/m)
    assert.match(screen.text, /\nsha256:[0-9a-f]{64}$/)
  }

  for (const [columns, rows] of [
    [80, 24],
    [20, 24],
    [20, 4],
    [200, 50],
  ] as const)
    it(`leaves a line for each step, and nothing else, in ${columns} columns and ${rows} rows`, async () => {
      const terminal = build({ columns, rows })
      assert.equal(await terminal.ended, 0, terminal.screen.text)
      isClean(terminal)
    })

  it('shows the last lines of a running step and the count of steps while it runs', async () => {
    const terminal = build()
    await terminal.shows(/^ {2}line 4 .*\n(?: {2}line \d.*\n){4} {2}line 9.*\n/m)
    await terminal.shows(/^\d+\.\ds: (?:\d done, )?\d running$/m)
    assert.doesNotMatch(terminal.screen.text, /line 3/)
    assert.equal(await terminal.ended, 0)
    isClean(terminal)
  })

  it('draws right when the window is made narrower and wider', async () => {
    const terminal = build({ columns: 120 })
    await terminal.shows(/line 9/)
    for (const [columns, rows] of [
      [30, 24],
      [90, 24],
      [25, 24],
      [60, 24],
    ] as const) {
      await terminal.resize(columns, rows)
      await terminal.goesOn()
    }
    assert.equal(await terminal.ended, 0)
    isClean(terminal)
  })

  it('marks what was cached', async () => {
    assert.equal(await build({ args: [] }).ended, 0)
    const terminal = build({ args: [] })
    assert.equal(await terminal.ended, 0)
    assert.equal(terminal.screen.text.match(/ {2}CACHED$/gm)?.length, STEPS, terminal.screen.text)
  })

  for (const [what, term] of [
    ['is dumb', 'dumb'],
    ['nobody knows', ''],
  ] as const)
    it(`prints plain lines at a terminal that ${what}`, async () => {
      const terminal = build({ term })
      assert.equal(await terminal.ended, 0)
      assert.ok(!terminal.written().includes('\x1b'))
      assert.match(terminal.screen.text, /^#\d+ DONE/m)
    })
})
