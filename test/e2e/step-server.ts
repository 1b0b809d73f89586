import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** Steps call in here, so that a test sees from outside which of them ran, how often, and can hold them. */
export interface StepServer extends AsyncDisposable {
  /** What the steps said, one word a call, in order. */
  readonly calls: readonly string[]
  /** A RUN that says this word and ends when it is let go. */
  step(word: string): string
  /** Steps that say this word wait until it is released. */
  hold(word: string): void
  release(word: string): void
  /** Resolves when the word was said so many times. */
  called(word: string, times?: number): Promise<void>
}

export async function stepServer(): Promise<StepServer> {
  const calls: string[] = []
  const held = new Map<string, Socket[]>()
  const watchers = new Set<() => void>()
  const sockets = new Set<Socket>()
  const answer = (socket: Socket, word: string) => {
    calls.push(word)
    const waiting = held.get(word)
    if (waiting === undefined) socket.end('go\n')
    else waiting.push(socket)
    for (const watch of watchers) watch()
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    socket.once('data', (bytes) => answer(socket, bytes.toString('latin1').trim()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    calls,
    step: (word) => `RUN echo ${word} | nc 127.0.0.1 ${port} && echo ${word} >> /said`,
    hold: (word) => void held.set(word, []),
    release: (word) => {
      for (const socket of held.get(word) ?? []) socket.end('go\n')
      held.delete(word)
    },
    called: (word, times = 1) =>
      new Promise((resolve) => {
        const watch = () => {
          if (calls.filter((call) => call === word).length < times) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
        watch()
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
