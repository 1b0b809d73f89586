import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Reply } from './reply.ts'

/** What is read of a body that nobody wants, so that its sender gets to see the answer. */
const DRAIN_BYTES = 32 << 20
const DRAIN_MS = 10_000

/** Sends an answer; the connection ends with it when it is the `last`, or when the request was not read to its end. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Reply,
  last: boolean,
): Promise<void> {
  const unread = !request.complete
  response.writeHead(status, {
    'docker-distribution-api-version': 'registry/2.0',
    'x-content-type-options': 'nosniff',
    ...headers,
    ...(unread || last ? { connection: 'close' } : {}),
  })
  if (request.method === 'HEAD' || body === undefined) response.end()
  else if (body instanceof Uint8Array) response.end(body)
  else await pipeline(Readable.from(body, { objectMode: false, highWaterMark: 1 << 20 }), response)
  if (unread) drain(request)
}

function drain(request: IncomingMessage): void {
  let size = 0
  const stop = () => request.destroy()
  const timer = setTimeout(stop, DRAIN_MS)
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > DRAIN_BYTES) stop()
  })
  request.on('error', () => undefined)
  request.on('close', () => clearTimeout(timer))
}
