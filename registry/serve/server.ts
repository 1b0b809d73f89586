import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TsbuildError } from '../oci/error.ts'
import type { Store } from '../store/store.ts'
import { handle } from './handle.ts'
import { type Reply, refusalOf, refuse } from './reply.ts'
import { send } from './send.ts'
import { UploadFiles } from './upload-files.ts'

/** One line of the access log. */
export interface Access {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly ms: number
  /** Set where the fault is ours or the disk's. */
  readonly error?: unknown
}

export interface ServeOptions {
  /** Opens the store for one request, which disposes what it gets: nobody who wants the store alone (garbage collection) waits for the server. */
  readonly open: () => Promise<Store>
  /** Default 127.0.0.1. Anybody who reaches another address may read and, unless `readOnly`, write. */
  readonly host?: string | undefined
  /** Default 0: any that is free. */
  readonly port?: number | undefined
  readonly readOnly?: boolean | undefined
  readonly log?: ((access: Access) => void) | undefined
  /** How long `close` waits for requests under way; default 10 000. */
  readonly graceMs?: number | undefined
}

export interface ServedRegistry extends AsyncDisposable {
  readonly url: URL
  close(): Promise<void>
}

interface Serving extends ServeOptions {
  readonly files: UploadFiles
  readonly isLocal: boolean
  readonly isClosing: () => boolean
}

const IDLE_MS = 60_000
const MAX_CONNECTIONS = 512
/** Serves the store as a registry: distribution-spec v1.1. See repository.ts for which names it shows. Throws SERVE_FAILED. */
export async function serveRegistry(options: ServeOptions): Promise<ServedRegistry> {
  const { host = '127.0.0.1', port = 0, graceMs = 10_000 } = options
  const files = new UploadFiles()
  const isLocal = host === 'localhost' || host === '::1' || /^127\./.test(host)
  const server = createServer(
    // A large body may take long; that it comes at all is seen by the idle time-out.
    { requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 30_000, maxHeaderSize: 16 << 10 },
    (request, response) => {
      void serve(request, response, { ...options, files, isLocal, isClosing: () => !server.listening })
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(IDLE_MS)
  await listen(server, host, port)
  const { port: bound } = server.address() as AddressInfo
  const close = () => stop(server, graceMs)
  const url = new URL(`http://${host.includes(':') ? `[${host}]` : host}:${bound}`)
  return { url, close, [Symbol.asyncDispose]: close }
}

async function serve(request: IncomingMessage, response: ServerResponse, deps: Serving): Promise<void> {
  const started = performance.now()
  const { method = '', url = '' } = request
  let error: unknown
  try {
    const refusal = foreign(request, deps.isLocal)
    if (refusal !== undefined) await send(request, response, refusal, true)
    else error = await answer(request, response, deps)
  } catch (cause) {
    error = cause
    // The store could not be opened; else the client has gone, or gets a body that ends early, and there is nobody to tell.
    if (cause instanceof TsbuildError && !response.headersSent) await send(request, response, refuse(503, 'UNKNOWN', cause.message), true)
    else response.destroy()
  }
  deps.log?.({
    method,
    path: url.replace(/\?.*/s, ''),
    status: response.statusCode,
    ms: performance.now() - started,
    ...(error === undefined ? {} : { error }),
  })
}

/** Returns what went wrong inside, if it did. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { open, files, readOnly = false, isClosing }: Serving,
): Promise<unknown> {
  await using store = await open()
  const { method = '', url: target = '' } = request
  // A handler that stops reading still has an answer to send on this connection.
  const body = request.iterator({ destroyOnReturn: false })
  let reply: Reply
  let fault: unknown
  try {
    reply = await handle({ method, target, headers: headersOf(request), body }, { store, files, readOnly })
  } catch (error) {
    if (request.destroyed && !request.complete) throw error
    const refusal = refusalOf(error)
    if (refusal === undefined || refusal.status >= 500) fault = error
    reply = refusal ?? refuse(500, 'UNKNOWN', 'the registry failed; its log says how')
  }
  await send(request, response, reply, isClosing())
  return fault
}

/**
 * A web page can send its visitors' browsers to a registry on their own machine; a browser then names the page (Origin), or a host that is not
 * ours (DNS rebinding). No registry client does either.
 */
function foreign({ headers }: IncomingMessage, isLocal: boolean): Reply | undefined {
  const host = (headers.host ?? '').replace(/:\d+$/, '')
  const local = host === '' || host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
  if (headers.origin === undefined && (local || !isLocal)) return undefined
  return refuse(403, 'DENIED', 'not a request of a registry client on this machine')
}

function headersOf({ headers }: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]))
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new TsbuildError('SERVE_FAILED', `cannot listen on ${host}:${port}: ${cause.message}`, {
          cause,
          hint: 'choose another port: --listen=HOST:PORT',
        }),
      )
    })
    server.listen(port, host, resolve)
  })
}

async function stop(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearTimeout(timer)
}
