import { once } from 'node:events'
import type { Context, Progress, ProgressMode } from '../context.ts'
import { printable } from '../printable.ts'
import { plainProgress, warningText } from './plain.ts'
import { rawJsonProgress } from './raw-json.ts'
import { ttyProgress } from './tty.ts'

interface Screen extends Pick<Context, 'env' | 'now' | 'signal'> {
  /** Opens it at the first call. */
  readonly stream: () => NodeJS.WriteStream
}

/** `auto` draws on a terminal and prints plain lines elsewhere; `quiet` shows warnings only, and none about the Dockerfile. */
export function startProgress(mode: ProgressMode, screen: Screen): Progress {
  return { settled: roomIn(screen), ...renderer(mode, screen) }
}

function renderer(mode: ProgressMode, { stream, now, env }: Screen): Omit<Progress, 'settled'> {
  const write = (text: string) => void (text !== '' && stream().write(text))
  if (mode === 'quiet')
    return {
      emit: (event) => event.kind === 'warning' && event.page === undefined && write(`WARNING: ${printable(warningText(event))}\n`),
      stop: () => {},
    }
  if (mode === 'rawjson') return { emit: rawJsonProgress(write, now), stop: () => {} }
  const isTerminal = mode === 'tty' || (mode === 'auto' && stream().isTTY && !isDumb(env.TERM))
  if (!isTerminal) return { emit: plainProgress(write, now), stop: () => {} }
  // 0 is what a terminal says whose size nobody has set.
  const size = { columns: () => stream().columns || 80, rows: () => stream().rows || 24 }
  return ttyProgress({ ...size, write, now, colors: (env.NO_COLOR ?? '') === '' })
}

/** A terminal of which nothing is known may not know how to move its cursor either. */
function isDumb(term = ''): boolean {
  return term === '' || term === 'dumb'
}

/** Bytes that may wait for a slow reader of our output before those who make it have to wait, too. */
const MAX_WAITING = 1 << 20

function roomIn({ stream, signal }: Screen): () => Promise<void> | undefined {
  let waiting: Promise<void> | undefined
  return () => {
    if (stream().writableLength <= MAX_WAITING || signal.aborted) return undefined
    waiting ??= drained(stream(), signal).finally(() => {
      waiting = undefined
    })
    return waiting
  }
}

async function drained(stream: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
  await once(stream, 'drain', { signal }).catch(() => {}) // interrupted, or nobody reads any more: nothing is held back
}
