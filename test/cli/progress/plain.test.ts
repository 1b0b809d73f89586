import assert from 'node:assert/strict'
import { plainProgress } from '../../../cli/progress/plain.ts'

describe('plainProgress', () => {
  it('shows what comes from outside without its escapes, a line an event', () => {
    let text = ''
    const emit = plainProgress(
      (more) => (text += more),
      () => 500,
    )
    const hostile = '\x1b[2J\u009b31m\u202e'
    const shown = '\\x1b[2J\\u009b31m\\u202e'
    emit({ kind: 'started', step: '1', name: `RUN ${hostile}`, time: 0 })
    emit({ kind: 'log', step: '1', stream: 'stdout', bytes: Buffer.from(`${hostile}\r\nrest`) })
    emit({ kind: 'transfer', step: '1', id: hostile, current: 1, note: `mounted\n${hostile}` })
    emit({ kind: 'warning', code: 'X', message: hostile, at: { file: hostile, startLine: 1, endLine: 1 } })
    emit({ kind: 'note', message: `a\n${hostile}` })
    emit({ kind: 'finished', step: '1', status: 'failed', time: 1000, detail: `why ${hostile}` })
    assert.deepEqual(text.split('\n'), [
      `#1 RUN ${shown}`,
      `#1 0.500 ${shown}`,
      `#1 ${shown} mounted\\x0a${shown}`,
      `WARNING: X: ${shown} (${shown}:1)`,
      `a\\x0a${shown}`,
      '#1 rest',
      `#1 ERROR: why ${shown}`,
      '',
    ])
  })
})
