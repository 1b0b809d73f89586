import assert from 'node:assert/strict'
import { ttyProgress } from '../../../cli/progress/tty.ts'
import { columnsOf } from '../../../cli/progress/width.ts'

function terminal(size = { columns: 40, rows: 24 }, colors = false) {
  const written: string[] = []
  const clock = { time: 1000 }
  const progress = ttyProgress({
    write: (text) => void written.push(text),
    columns: () => size.columns,
    rows: () => size.rows,
    now: () => clock.time,
    colors,
  })
  const start = (step: string, name: string) => progress.emit({ kind: 'started', step, name, time: 0 })
  const print = (step: string, text: string) => progress.emit({ kind: 'log', step, stream: 'stdout', bytes: Buffer.from(text) })
  const note = (message = 'note') => progress.emit({ kind: 'note', message })
  const last = () => written.at(-1) ?? ''
  return { size, clock, progress, start, print, note, last, written }
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const ESCAPES = /\x1b\[[0-9]*[AJm]/g
const linesIn = (text: string) => text.replace(ESCAPES, '').split('\n').slice(0, -1)

describe('ttyProgress', () => {
  for (const columns of [1, 5, 20, 40, 200])
    it(`draws no line that takes more than one of ${columns} columns wide`, () => {
      const { progress, start, print, note, last } = terminal({ columns, rows: 24 })
      start('1', `[1/2] RUN ${'make '.repeat(50)}`)
      start('2', `RUN ${'日本語🌲'.repeat(30)}\t\t\t${'x'.repeat(100)}`)
      print('1', `${'\t日本語'.repeat(50)}\n`)
      progress.emit({ kind: 'transfer', step: '2', id: 'sha256:'.padEnd(100, 'a'), current: 1, total: 2 })
      note()
      const [, ...drawn] = linesIn(last())
      assert.equal(drawn.length, 5)
      for (const line of drawn) assert.ok(columnsOf(line) < columns, line)
      progress.stop()
    })
  it('erases what it has drawn, also in a window that was made narrower', () => {
    const { size, progress, start, note, last } = terminal({ columns: 40, rows: 24 })
    start('1', 'x'.repeat(100))
    note()
    assert.ok(last().startsWith('\x1b[1A\x1b[J'))
    size.columns = 10 // 39 columns take 4 rows now
    note()
    assert.ok(last().startsWith('\x1b[4A\x1b[J'))
    note()
    assert.ok(last().startsWith('\x1b[1A\x1b[J'))
    progress.stop()
  })
  it('draws no more lines than the window has rows', () => {
    const { progress, start, note, last } = terminal({ columns: 40, rows: 5 })
    for (let step = 0; step < 20; step++) start(String(step), 'RUN')
    note()
    assert.equal(linesIn(last()).length, 1 + 3)
    progress.stop()
  })
  const drawnOf = (text: string) => linesIn(text).slice(1)

  it('shows the last lines of a running step, and takes them away when it ends', () => {
    const { progress, start, print, note, last } = terminal()
    start('1', 'RUN make')
    print('1', `${[1, 2, 3, 4, 5, 6, 7, 8].join('\n')}\n`)
    print('1', 'half')
    note()
    assert.deepEqual(drawnOf(last()), ['RUN make  1.0s', '  4', '  5', '  6', '  7', '  8', '  half'])
    progress.emit({ kind: 'finished', step: '1', status: 'done', time: 500 })
    assert.equal(last(), '\x1b[7A\x1b[JRUN make  done 0.5s\n')
    progress.stop()
  })
  it('shows of a line that is written over what it says now', () => {
    const { progress, start, print, note, last } = terminal()
    start('1', 'RUN')
    print('1', '10%\r\n20%\r50%\r90%')
    note()
    assert.deepEqual(drawnOf(last()), ['RUN  1.0s', '  10%', '  90%'])
    progress.stop()
  })
  it('shares the rows among the running steps', () => {
    const { progress, start, print, note, last } = terminal({ columns: 40, rows: 9 })
    for (const step of ['1', '2']) {
      start(step, `RUN ${step}`)
      print(step, 'a\nb\nc\nd\n')
    }
    note()
    assert.deepEqual(drawnOf(last()), ['RUN 1  1.0s', '  c', '  d', 'RUN 2  1.0s', '  c', '  d', '0.0s: 2 running'])
    progress.stop()
  })
  it('says how many steps are cached, done and running', () => {
    const { clock, progress, start, note, last } = terminal()
    for (const step of ['1', '2', '3', '4']) start(step, 'RUN')
    progress.emit({ kind: 'finished', step: '1', status: 'cached', time: 0 })
    progress.emit({ kind: 'finished', step: '2', status: 'done', time: 0 })
    clock.time += 61_000
    note()
    assert.equal(drawnOf(last()).at(-1), '1m1s: 1 cached, 1 done, 2 running')
    progress.stop()
  })
  it('shows bytes, pace and time left of a transfer, also of one with a long name in a narrow window', () => {
    for (const [columns, want] of [
      [80, '  sha256:aaaaaaaaaaaaaaaaaa… 2.00MB / 8.00MB  1.00MB/s  6.0s left'],
      [30, '  sha256:a… 2.00MB / 8.00MB …'],
    ] as const) {
      const { clock, progress, start, note, last } = terminal({ columns, rows: 24 })
      start('1', 'pull')
      const move = (current: number) => progress.emit({ kind: 'transfer', step: '1', id: 'sha256:'.padEnd(71, 'a'), current, total: 8e6 })
      move(0)
      clock.time += 2000
      move(2e6)
      note()
      assert.deepEqual(drawnOf(last()), ['pull  3.0s', want])
      progress.stop()
    }
  })
  it('shows what comes from outside without its escapes', () => {
    const { progress, start, print, note, written } = terminal({ columns: 200, rows: 24 })
    const hostile = '\x1b]0;x\x07\u009b31m\u202e'
    start('1', hostile)
    print('1', `${hostile}\n`)
    progress.emit({ kind: 'transfer', step: '1', id: hostile, current: 1, total: 2 })
    progress.emit({ kind: 'warning', code: 'X', message: hostile })
    note(hostile)
    progress.emit({ kind: 'finished', step: '1', status: 'failed', time: 0, detail: hostile })
    progress.stop()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
    assert.match(written.join(''), /^(\x1b\[\d+A\x1b\[J|[^\p{Cc}\p{Cf}]|\n)*$/u)
  })
  it('colours only where colours are wanted', () => {
    for (const colors of [true, false]) {
      const { progress, start, last } = terminal({ columns: 40, rows: 24 }, colors)
      start('1', 'RUN x')
      progress.emit({ kind: 'finished', step: '1', status: 'done', time: 0 })
      assert.equal(last().includes('\x1b[32mdone\x1b[0m 0.0s'), colors)
      progress.stop()
    }
  })
})
