import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { KIND, MAX_FRAME, PROTOCOL_VERSION, STREAM_WINDOW } from '../../native/protocol.ts'

const header = readFileSync(new URL('../../../native/src/common/protocol.h', import.meta.url), 'utf8')
const constant = (name: string): number => {
  const [, number, shift] = new RegExp(`${name} = (\\d+)u?(?: << (\\d+))?;`).exec(header) ?? []
  return Number(number) * 2 ** Number(shift ?? 0)
}

describe('protocol', () => {
  it('has the kinds of src/common/protocol.h, under the same numbers', () => {
    const kinds = [...header.matchAll(/^ {2}k(\w)(\w*) = (\d+),/gm)].map(([, first = '', rest, number]) => [
      first.toLowerCase() + rest,
      Number(number),
    ])
    assert.deepEqual(Object.fromEntries(kinds), KIND)
  })

  for (const [name, value] of Object.entries({ kProtocolVersion: PROTOCOL_VERSION, kMaxFrame: MAX_FRAME, kStreamWindow: STREAM_WINDOW }))
    it(`has ${name} of src/common/protocol.h`, () => assert.equal(value, constant(name)))
})
