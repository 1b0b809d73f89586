import assert from 'node:assert/strict'
import { FrameParser, frameHead } from '../../native/frames.ts'

const frameOf = (id: number, kind: number, body: string) => Buffer.concat([frameHead(id, kind, body.length), Buffer.from(body)])
const stream = Buffer.concat([frameOf(1, 2, 'hello'), frameOf(7, 4, ''), frameOf(2, 3, 'x'.repeat(1000))])
const wanted = ['1 2 hello', '7 4 ', `2 3 ${'x'.repeat(1000)}`]

describe('FrameParser', () => {
  for (const size of [1, 3, 9, 14, 1024])
    it(`finds the same frames in pieces of ${size} bytes`, () => {
      const parser = new FrameParser()
      const found: string[] = []
      for (let at = 0; at < stream.length; at += size)
        for (const { id, kind, body } of parser.push(stream.subarray(at, at + size))) found.push(`${id} ${kind} ${Buffer.from(body)}`)
      assert.deepEqual(found, wanted)
    })

  for (const [what, length] of [
    ['shorter than a head', 4],
    ['longer than the limit', 0xffffffff],
  ] as const)
    it(`refuses a frame ${what}`, () => {
      const bytes = Buffer.alloc(9)
      bytes.writeUInt32LE(length)
      assert.throws(() => new FrameParser().push(bytes), RangeError)
    })
})
