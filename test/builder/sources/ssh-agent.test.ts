import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_CLIENTS, serveAgent } from '../../../builder/sources/ssh-agent.ts'

const LIST = Buffer.of(0, 0, 0, 1, 11)
const FAILURE = '0000000105'

describe('serveAgent', () => {
  let folder: string
  let agent: Server
  let seen: Buffer[]
  let answer: (client: Socket) => void
  let serving: AsyncDisposable
  const socket = () => join(folder, 'served')

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsbuild-agent-'))
    seen = []
    answer = (client) => client.write(Buffer.of(0, 0, 0, 2, 12, 1))
    const asked = (client: Socket) => (piece: Buffer) => {
      seen.push(piece)
      answer(client)
    }
    agent = createServer((client) => client.on('error', () => undefined).on('data', asked(client)))
    await new Promise<void>((resolve) => agent.listen(join(folder, 'real'), resolve))
    serving = await serveAgent(join(folder, 'real'), socket(), new AbortController().signal)
  })
  afterEach(async () => {
    await serving[Symbol.asyncDispose]()
    await new Promise((resolve) => agent.close(resolve))
    assert.ok(!existsSync(socket()))
    rmSync(folder, { recursive: true, force: true })
  })

  async function client(): Promise<Socket> {
    const one = connect(socket())
    one.on('error', () => undefined)
    await once(one, 'connect')
    return one
  }
  /** What comes back, in hexadecimal, until there are so many bytes or it is hung up. */
  async function said(one: Socket, bytes = Number.POSITIVE_INFINITY): Promise<string> {
    let text = Buffer.alloc(0)
    try {
      for await (const piece of one) {
        text = Buffer.concat([text, piece as Buffer])
        if (text.length >= bytes) break
      }
    } catch {} // cut off
    return text.toString('hex')
  }

  it('answers requests in order, however they are cut', async () => {
    const wanted = `000000020c01${FAILURE}000000020c01`
    const requests = Buffer.concat([LIST, Buffer.of(0, 0, 0, 1, 19), LIST])
    const whole = await client()
    whole.write(requests)
    assert.equal(await said(whole, wanted.length / 2), wanted)
    const slow = await client()
    for (const byte of requests) {
      slow.write(Buffer.of(byte))
      await sleep(1)
    }
    assert.equal(await said(slow, wanted.length / 2), wanted)
  })
  for (const [what, type] of [
    ['add a key', 17],
    ['remove all keys', 19],
    ['lock it', 22],
    ['load a library', 20],
    ['use an extension', 27],
  ] as const)
    it(`never asks the agent to ${what}`, async () => {
      const one = await client()
      one.write(Buffer.of(0, 0, 0, 1, type))
      assert.equal(await said(one, 5), FAILURE)
      assert.deepEqual(seen, [])
    })
  it('refuses an empty message, and hangs up on one that is too long', async () => {
    const one = await client()
    one.write(Buffer.of(0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 11))
    assert.ok(['', FAILURE].includes(await said(one)))
    const other = await client()
    other.write(LIST)
    assert.equal(await said(other, 6), '000000020c01')
  })
  it('asks no more for a client that does not read', async () => {
    const large = Buffer.concat([Buffer.of(0, 3, 0, 0), Buffer.alloc(0x30000, 12)])
    answer = (to) => to.write(large)
    const one = (await client()).pause()
    one.write(Buffer.concat(Array.from({ length: 2000 }, () => LIST)))
    for (let before = -1, quiet = 0; quiet < 20; quiet = before === seen.length ? quiet + 1 : 0) {
      before = seen.length
      await sleep(10)
    }
    assert.ok(seen.length > 0 && seen.length < 50, `${seen.length} times 192 KiB`)
    one.destroy()
  })
  it('hangs up on who comes when all places are taken', async () => {
    const some = await Promise.all(Array.from({ length: MAX_CLIENTS }, client))
    for (const one of some) {
      one.write(Buffer.of(0, 0, 0, 1, 19))
      await once(one, 'data')
    }
    assert.equal(await said(await client()), '')
    for (const one of some) one.destroy()
  })
  it('ends while the agent hangs', async () => {
    answer = () => undefined
    const connected = once(agent, 'connection')
    const one = await client()
    one.write(LIST)
    await connected
    await serving[Symbol.asyncDispose]()
    serving = { [Symbol.asyncDispose]: () => Promise.resolve() }
    assert.equal(await said(one), '')
  })
})
