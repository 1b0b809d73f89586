import { type FileHandle, open, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { TsbuildError } from '../../registry/oci/error.ts'

/** Requests that a build may make of an agent: list keys, sign (draft-miller-ssh-agent, section 5.1). Not: add, remove, lock, extensions. */
const ALLOWED = new Set([11, 13])
const FAILURE = Buffer.of(0, 0, 0, 1, 5)
/** As OpenSSH's own agent. */
const MAX_MESSAGE_BYTES = 256 * 1024
/** At once; more are hung up on. Each costs two descriptors and the memory of a message. */
export const MAX_CLIENTS = 64

/**
 * Listens on a new socket at `path` and passes to the agent at `agent` what a build may ask of it. The socket goes when it is disposed of; whoever is
 * connected then is cut off.
 */
export async function serveAgent(agent: string, path: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const clients = new Set<Socket>()
  const server = createServer((client) => {
    clients.add(client)
    client.on('error', () => client.destroy())
    client.on('close', () => clients.delete(client))
    pass(client, agent).catch(() => client.destroy()) // either side went away, or spoke no agent's language
  })
  server.maxConnections = MAX_CLIENTS
  const folder = await open(dirname(path), 'r')
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(shortPath(folder, path), resolve))
  } catch (error) {
    await folder.close()
    throw error
  }
  server.on('error', () => undefined) // a client that could not be accepted
  const close = async () => {
    signal.removeEventListener('abort', cut)
    cut()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await folder.close()
    await rm(path, { force: true })
  }
  const cut = () => {
    for (const client of clients) client.destroy()
  }
  signal.addEventListener('abort', cut)
  return { [Symbol.asyncDispose]: close }
}

/** A socket's path holds 107 bytes (unix(7)); by way of its folder's descriptor it is short. */
function shortPath(folder: FileHandle, path: string): string {
  return `/proc/self/fd/${folder.fd}/${basename(path)}`
}

async function pass(client: Socket, agentPath: string): Promise<void> {
  const folder = await open(dirname(agentPath), 'r')
  const agent = connect(shortPath(folder, agentPath))
  agent.on('error', () => client.destroy())
  client.on('close', () => agent.destroy())
  try {
    await pipeline(client, (requests: AsyncIterable<Buffer>) => answersTo(requests, agent), client)
  } finally {
    agent.destroy()
    await folder.close()
  }
}

/** One after the other, and the next only when there is room for its answer: who does not read is not read from. */
async function* answersTo(requests: AsyncIterable<Buffer>, agent: Socket): AsyncGenerator<Buffer> {
  const answers = messages(agent)
  for await (const request of messages(requests)) {
    const isAllowed = ALLOWED.has(request[4] ?? 0)
    if (isAllowed) agent.write(request)
    const answer = isAllowed ? await answers.next() : { done: false, value: FAILURE }
    if (answer.done || answer.value === undefined) return
    yield answer.value
  }
}

/** Whole messages with their length before them. Throws SSH_AGENT for one that is too long. */
async function* messages(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, undefined> {
  const text = Buffer.allocUnsafe(4 + MAX_MESSAGE_BYTES)
  let end = 0
  for await (const piece of pieces)
    for (let rest = piece; rest.length > 0; ) {
      const taken = rest.copy(text, end, 0, end < 4 ? 4 - end : 4 + text.readUInt32BE(0) - end)
      end += taken
      rest = rest.subarray(taken)
      const size = end < 4 ? undefined : text.readUInt32BE(0)
      if (size !== undefined && size > MAX_MESSAGE_BYTES)
        throw new TsbuildError('SSH_AGENT', `a message of ${size} bytes is none of an agent`)
      if (size === undefined || end < 4 + size) continue
      yield Buffer.from(text.subarray(0, end))
      end = 0
    }
  return undefined
}
