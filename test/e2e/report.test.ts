import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RunLog } from '../../cli/progress/run-log.ts'
import { type ReportData, reportData } from '../../cli/report/data.ts'
import { reportPage } from '../../cli/report/page.ts'
import { Recorder } from '../../cli/report/recorder.ts'
import { Browser, noBrowser } from '../../fixtures/browser.ts'
import { complains } from './failing.ts'
import { type Workbench, withBench } from './workbench.ts'

const DIAMOND = `FROM base AS left
RUN sleep 1; echo l > /l
FROM base AS right
RUN echo r > /r
FROM base
COPY --from=left /l /
COPY --from=right /r /
COPY src /src
ENV MODE=one
RUN echo said; cat /l /r
`
const HOSTILE = `</script><script>window.owned = 1</script><img src=x onerror="window.owned = 2">'"&amp;<!--`

describe('tsbuild build --report', function () {
  this.timeout(120_000)
  let bench: Workbench
  withBench((it) => {
    bench = it
    bench.write('context/src/a', 'a')
  })

  const page = (name: string) => join(bench.folder, name)
  const dataOf = (name: string): ReportData => {
    const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(readFileSync(page(name), 'utf8')) ?? []
    return JSON.parse(json)
  }
  const build = (dockerfile: string, name: string, args: readonly string[] = []) =>
    bench.build(dockerfile, ['--report', page(name), ...args])
  const temporaries = () => readdirSync(bench.folder).filter((name) => name.startsWith('.tsbuild-report-'))

  it('tells steps, critical path, causes, layers, result and versions as JSON', async () => {
    assert.equal((await build(DIAMOND, 'first.html', ['-t', 'diamond'])).status, 0)
    bench.write('context/src/a', 'changed')
    const { stdout } = await build(DIAMOND, 'second.html', ['-t', 'diamond'])
    const [first, second] = [dataOf('first.html'), dataOf('second.html')]
    const critical = first.criticalPath.map((number) => first.steps[number - 1]?.name.replace(/^\[.*?\] /, ''))
    assert.deepEqual(critical, [
      'RUN sleep 1; echo l > /l',
      'COPY --from=left /l /',
      'COPY --from=right /r /',
      'COPY src /src',
      'RUN echo said; cat /l /r',
    ])
    const changed = second.steps.find(({ cause }) => cause?.part === 'file')
    assert.match(`${changed?.name} ${changed?.why}`, /COPY src \/src a changed: /)
    assert.deepEqual(
      second.steps.map(({ status }) => status),
      ['cached', 'cached', 'cached', 'cached', 'done', 'done'],
    )
    assert.deepEqual(second.steps.at(-1)?.output, { before: 0, lines: ['said', 'l', 'r'] })
    assert.equal(second.result?.root, stdout.trim())
    assert.deepEqual(second.result?.names, ['docker.io/library/diamond:latest'])
    assert.equal(second.result?.images[0]?.layers.length, 5)
    assert.equal(second.versions.node, process.versions.node)
    assert.deepEqual([second.outcome, second.failure, temporaries()], ['done', undefined, []])
  })

  it('tells what was transferred, and what did not have to be', async () => {
    const server = bench.start(['registry', 'serve', '--listen', '127.0.0.1:0'], { env: { TSBUILD_ROOT: page('registry') } })
    const [host] = /127\.0\.0\.1:\d+/.exec(await server.printed(/127\.0\.0\.1:\d+/)) ?? []
    const transfers = async () => {
      assert.equal((await build('FROM base\nRUN echo pushed > /p\n', 'pushed.html', ['-t', `${host}/pushed`, '--push'])).status, 0)
      return dataOf('pushed.html').steps.flatMap(({ name, transfers }) => (name.startsWith('push ') ? transfers : []))
    }
    const first = await transfers()
    const { result } = dataOf('pushed.html')
    const layers = result?.images[0]?.layers.map(({ digest, size }) => [digest, size, size, undefined])
    const ids = new Set(result?.images[0]?.layers.map(({ digest }) => digest as string))
    assert.deepEqual(
      first
        .filter(({ id }) => ids.has(id))
        .map(({ id, current, total, note }) => [id, current, total, note])
        .sort(),
      layers?.sort(),
    )
    for (const { note, since, until } of await transfers()) assert.ok(note === 'exists' && since <= until)
    server.kill('SIGTERM')
    await server.ended
  })

  it('is written for a failed build: the step, its last lines, the place', async () => {
    const ended = await build('FROM base\nRUN for i in 1 2 3; do echo line $i; done; exit 3\nRUN echo never\n', 'failed.html')
    complains(ended, { says: /exit code: 3|status 3|exited with 3/ })
    const data = dataOf('failed.html')
    assert.deepEqual(
      data.steps.map(({ status }) => status),
      ['failed'],
    )
    assert.deepEqual(data.failure?.output, ['line 1', 'line 2', 'line 3'])
    assert.match(data.failure?.excerpt ?? '', />>> RUN for i in/)
    assert.deepEqual([data.outcome, data.criticalPath, data.result], ['failed', [1], undefined])
  })

  it('is written for a Dockerfile that is none, and for a build that is interrupted', async () => {
    complains(await build('FROM base\nCOPPY a /\n', 'wrong.html'), { says: /COPPY/ })
    assert.match(dataOf('wrong.html').failure?.message ?? '', /COPPY/)
    const running = bench.start([...bench.buildOf('FROM base\nRUN sleep 100\n'), '--report', page('stopped.html'), bench.context])
    await running.said(/^#1 /m)
    running.kill('SIGINT')
    assert.equal((await running.ended).status, 130)
    assert.equal(dataOf('stopped.html').outcome, 'interrupted')
    assert.deepEqual(temporaries(), [])
  })

  it('is refused before anything is built where it cannot be written', async () => {
    mkdirSync(page('folder'), { recursive: true })
    for (const [file, says] of [
      ['folder', /cannot write the report folder: it is there already, and no file/],
      ['/dev/full', /cannot write the report \/dev\/full: it is there already, and no file/],
      ['none/x.html', /cannot write the report none\/x\.html: .*ENOENT/],
    ] as const) {
      const ended = await bench.build('FROM base\nRUN echo built\n', ['--report', file])
      complains(ended, { says, hint: /./ })
      assert.doesNotMatch(ended.stderr, /built/)
    }
    complains(await bench.build('FROM base\n', ['--report', '-']), { status: 2, says: '--report "-" is no file' })
    complains(await build('FROM base\n', 'x.html', ['--check']), { status: 2, says: /--report is about a build/ })
    assert.ok(!existsSync(page('x.html')))
  })

  it('is an error when its folder goes away meanwhile, but never hides another error', async () => {
    for (const [command, says] of [
      ['true', /^cannot write the report .*: ENOENT/],
      ['exit 3', /RUN|3/],
    ] as const) {
      mkdirSync(page('going'))
      const words = [...bench.buildOf(`FROM base\nRUN sleep 1; ${command}\n`), '--report', page('going/x.html'), bench.context]
      const running = bench.start(words)
      await running.said(/^#1 /m)
      rmSync(page('going'), { recursive: true })
      const ended = await running.ended
      complains(ended, { says })
      assert.match(ended.stderr, command === 'true' ? /cannot write the report/ : /^WARNING: cannot write the report .*ENOENT/m)
    }
  })

  const missing = noBrowser()
  describe(missing === undefined ? 'in Chromium without a network' : `in Chromium (skipped: ${missing})`, () => {
    let browser: Browser
    before(async function () {
      if (missing !== undefined) return void this.skip()
      browser = await Browser.start(page('profile'))
    })
    after(() => browser?.[Symbol.asyncDispose]())
    const isQuiet = () => assert.deepEqual([browser.problems, browser.requests], [[], []])
    const shown = (selector: string) =>
      browser.evaluate<string[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`)

    it('shows steps, timeline and layers, and asks for nothing', async () => {
      await browser.open(page('second.html'))
      isQuiet()
      assert.deepEqual(await shown('h2'), ['Result', 'Timeline', 'Steps', 'Layers', 'Warnings and notes'])
      assert.deepEqual(
        await shown('.badge'),
        dataOf('second.html').steps.map(({ status }) => status),
      )
      assert.equal((await shown('#timeline a')).length, 6)
      assert.match((await shown('.why')).join('\n'), /a changed: /)
      const [was, is] = await shown('dd pre')
      assert.match(`${was} ${is}`, /[0-9a-f]{64} sha256:[0-9a-f]{64}$/)
      const tops = await browser.evaluate<number[]>(
        `[...document.querySelectorAll('#timeline a.critical svg')].map((one) => one.getBoundingClientRect().top)`,
      )
      assert.equal(new Set(tops).size, 1)
    })

    it('shows transfers', async () => {
      await browser.open(page('pushed.html'))
      isQuiet()
      assert.match((await shown('#transfers tbody tr')).join('\n'), /push 127\.0\.0\.1.*sha256:[0-9a-f]{64}exists/)
    })

    it('draws steps at the same time in lanes of their own, where they were in time', async () => {
      await browser.open(page('first.html'))
      const boxes = await browser.evaluate<{ top: number; left: number; right: number }[]>(
        `[...document.querySelectorAll('#timeline a > svg')].map((one) => one.getBoundingClientRect().toJSON())`,
      )
      const { steps } = dataOf('first.html')
      const [left, right] = ['sleep 1', 'echo r'].map((text) => boxes[steps.findIndex(({ name }) => name.includes(text))])
      const last = boxes.at(-1)
      assert.ok(left && right && last)
      assert.ok(left.top < right.top && right.right < left.right && left.right <= last.left)
    })

    it('opens the failed step, and shows the error first', async () => {
      await browser.open(page('failed.html'))
      isQuiet()
      assert.equal((await shown('h2'))[0], 'Failure')
      assert.deepEqual(await shown('details[open] .badge'), ['failed'])
      assert.match((await shown('details[open] pre.output')).join(''), /line 3/)
    })

    it('runs nothing of what names, files, output and errors say', async () => {
      bench.write(`context/evil/${HOSTILE.replaceAll('/', '')}`, '1')
      const text = HOSTILE.replaceAll("'", '')
      const dockerfile = `FROM base\nARG A='${text}'\nCOPY evil /evil\nRUN echo '${text}'; : "$A"\nRUN echo '${text}'; exit 1\n`
      await build(dockerfile, 'hostile.html')
      bench.write(`context/evil/${HOSTILE.replaceAll('/', '')}`, '2')
      await build(dockerfile.replace('window.owned = 1', 'window.owned = 3'), 'hostile.html')
      await browser.open(page('hostile.html'))
      await browser.evaluate(`document.querySelector('[data-action=open]').click()`)
      isQuiet()
      assert.equal(await browser.evaluate('window.owned'), undefined)
      assert.deepEqual(await shown('img, script[src], iframe, object'), [])
      assert.equal((await shown('script')).length, 2)
      assert.equal(await browser.evaluate(`JSON.parse(document.getElementById('data').textContent).steps.length`), 3)
      for (const part of ['.name', '.why', 'pre.output']) assert.match((await shown(part)).join('\n'), /<img src=x onerror=/)
    })

    it('is whole without its script, and its policy lets no other run', async () => {
      await browser.send('Emulation.setScriptExecutionDisabled', { value: true })
      await browser.open(page('second.html')).finally(() => browser.send('Emulation.setScriptExecutionDisabled', { value: false }))
      assert.equal((await shown('.steps details')).length, 6)
      await browser.open(page('second.html'))
      await browser.evaluate(`document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.owned = 1' }))`)
      assert.equal(await browser.evaluate('window.owned'), undefined)
      assert.match(browser.problems.join(), /Content Security Policy/)
    })

    it('is used with the keyboard', async () => {
      await browser.open(page('second.html'))
      const focused = () => browser.evaluate<string>(`document.activeElement.getAttribute('href') ?? document.activeElement.textContent`)
      const seen: string[] = []
      for (let presses = 0; presses < 5; presses++) {
        await browser.press('Tab')
        seen.push(await focused())
      }
      assert.deepEqual(seen.slice(0, 4), ['#steps', 'Zoom in', 'Zoom out', '#step-1'])
      assert.doesNotMatch(seen[4] ?? '', /#step-/) // the timeline is one stop; arrows move in it
      await browser.evaluate(`document.querySelector('#timeline a').focus()`)
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft', 'End']) await browser.press(key)
      assert.equal(await focused(), '#step-6')
      await browser.press('Enter')
      await browser.evaluate('new Promise((done) => setTimeout(done, 50))')
      assert.equal(await browser.evaluate(`document.getElementById('step-6').open && document.activeElement.localName`), 'summary')
      await browser.press('Enter')
      assert.equal(await browser.evaluate(`document.getElementById('step-6').open`), false)
    })

    it('filters, opens the step of its address, and zooms', async () => {
      await browser.open(page('second.html'), '#step-5')
      assert.deepEqual(await shown('details[open] .number'), ['5'])
      await browser.evaluate(
        `document.getElementById('filter').value = 'COPY SRC'; document.getElementById('filter').dispatchEvent(new Event('input'))`,
      )
      assert.equal((await shown('.steps li:not([hidden])')).length, 1)
      const width = () => browser.evaluate<number>(`document.getElementById('timeline').getBoundingClientRect().width`)
      const before = await width()
      await browser.evaluate(`document.querySelector('[data-action=larger]').click()`)
      assert.equal(Math.round((await width()) / before), 2)
      isQuiet()
    })

    for (const [media, scheme] of [
      ['screen', 'light'],
      ['screen', 'dark'],
      ['print', 'dark'],
    ] as const)
      it(`can be read: ${media}, ${scheme}`, async () => {
        await browser.show({ media, scheme })
        await browser.open(page('failed.html'))
        const found = await browser.evaluate<{ back: number; contrasts: Record<string, number> }>(CONTRASTS)
        assert.equal(found.back < 0.2, media === 'screen' && scheme === 'dark')
        for (const [what, contrast] of Object.entries(found.contrasts)) assert.ok(contrast >= 4.5, `${what}: ${contrast}`)
        await browser.open(page('second.html'))
        const bodies = await browser.evaluate<number>(
          `[...document.querySelectorAll('.body')].filter((one) => one.checkVisibility({ contentVisibilityAuto: true })).length`,
        )
        assert.equal(bodies, media === 'print' ? 6 : 0)
        await browser.show({})
      })

    for (const count of [1, 500])
      it(`holds ${count} step${count === 1 ? '' : 's'}, also in a narrow window`, async () => {
        writeFileSync(page('many.html'), reportPage(manySteps(count)))
        for (const width of [1200, 320]) {
          await browser.show({ width })
          await browser.open(page('many.html'))
          assert.equal((await shown('.steps details')).length, count)
          assert.equal(await browser.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, `${width} columns`)
          const bars = await browser.evaluate<number[]>(
            `[...document.querySelectorAll('#timeline rect')].map((one) => one.getBoundingClientRect().width)`,
          )
          assert.ok(bars.length === count && bars.every((bar) => bar > 0))
        }
        isQuiet()
        await browser.show({})
      })
  })
})

/** Of a build with so many steps, five of them at once. */
function manySteps(count: number): ReportData {
  const log = new RunLog()
  for (let step = 0; step < count; step++) {
    const time = Math.floor(step / 5) * 100
    const inputs = step < 5 ? [] : [String(step - 5)]
    log.add({ kind: 'started', step: String(step), name: `[stage ${step}/${count}] RUN ${'make '.repeat(40)}`, time, inputs })
    log.add({ kind: 'finished', step: String(step), status: step % 2 === 0 ? 'done' : 'cached', time: time + 90 })
  }
  const times = { started: 0, ended: count * 20 }
  const versions = { tsbuild: '0', node: '0', system: 'Linux' }
  return reportData(log.steps, new Recorder(() => 0), { outcome: 'done', ...times, versions, result: undefined, failure: undefined })
}

/** Of each text its contrast to what it stands on (WCAG 2.2, relative luminance). */
const CONTRASTS = `(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if (color !== 'rgba(0, 0, 0, 0)') return light(color)
    }
  }
  const contrasts = {}
  for (const selector of ['h1', '.dim', 'a[href^="#step-"]:not(.bar)', '.badge', '.number', '.mark', 'pre', '.detail'])
    for (const one of document.querySelectorAll(selector)) contrasts[selector] = contrast(light(getComputedStyle(one).color), behind(one))
  for (const bar of document.querySelectorAll('.bar'))
    contrasts.bar = contrast(light(getComputedStyle(bar.querySelector('text')).fill), light(getComputedStyle(bar.querySelector('rect')).fill))
  return { back: light(getComputedStyle(document.body).backgroundColor), contrasts }
})()`
