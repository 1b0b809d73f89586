import assert from 'node:assert/strict'
import { rawJsonProgress } from '../../../cli/progress/raw-json.ts'

describe('rawJsonProgress', () => {
  it('writes an object a line, in the shape of buildx', () => {
    let text = ''
    const emit = rawJsonProgress(
      (more) => (text += more),
      () => 500,
    )
    emit({ kind: 'started', step: '0', name: 'COPY', time: 0 })
    emit({ kind: 'started', step: '1', name: 'RUN', time: 0, inputs: ['0', 'of no step'] })
    emit({ kind: 'missed', step: '1', cause: { part: 'file', name: 'a', is: 'sha256:x' } })
    emit({ kind: 'log', step: '1', stream: 'stderr', bytes: Buffer.from('\x1b[31m\n') })
    emit({ kind: 'transfer', step: '1', id: 'blob', current: 5, total: 10 })
    emit({ kind: 'warning', code: 'X', message: 'm', hint: 'h', at: { file: 'f', startLine: 3, endLine: 3, startColumn: 2, endColumn: 4 } })
    emit({ kind: 'note', message: 'n' })
    emit({ kind: 'finished', step: '0', status: 'cached', time: 1000 })
    emit({ kind: 'finished', step: '1', status: 'failed', time: 1000, detail: 'why' })
    assert.ok(!text.includes('\x1b'))
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const [copy, run] = [lines[0].vertexes[0], lines[1].vertexes[0]]
    const [zero, half, one] = [0, 500, 1000].map((time) => new Date(time).toISOString())
    assert.deepEqual(copy, { digest: copy.digest, inputs: [], name: 'COPY', started: zero })
    assert.deepEqual(run, { digest: run.digest, inputs: [copy.digest], name: 'RUN', started: zero })
    assert.deepEqual(lines.slice(2), [
      { missed: [{ vertex: run.digest, part: 'file', name: 'a', is: 'sha256:x' }] },
      { logs: [{ vertex: run.digest, stream: 2, data: 'G1szMW0K', timestamp: half }] },
      { statuses: [{ id: 'blob', vertex: run.digest, name: '', total: 10, current: 5, timestamp: half, started: zero }] },
      {
        warnings: [
          {
            level: 1,
            short: 'WDogbQ==',
            detail: ['aA=='],
            file: 'f',
            range: [{ start: { line: 3, character: 1 }, end: { line: 3, character: 3 } }],
          },
        ],
      },
      { notes: ['n'] },
      { vertexes: [{ ...copy, completed: one, cached: true }] },
      { vertexes: [{ ...run, completed: one, error: 'why' }] },
    ])
  })
})
