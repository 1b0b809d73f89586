import type { Emit } from '../../registry/oci/event.ts'
import type { ProgressMode } from '../context.ts'
import { plainProgress, warningText } from './plain.ts'
import { ttyProgress } from './tty.ts'

/** `auto` draws on a terminal and prints plain lines elsewhere; `quiet` shows warnings only. */
export function startProgress(mode: ProgressMode, stream: NodeJS.WriteStream, now: () => number): { readonly emit: Emit; stop(): void } {
  const write = (text: string) => void (text !== '' && stream.write(text))
  if (mode === 'quiet') return { emit: (event) => event.kind === 'warning' && write(`WARNING: ${warningText(event)}\n`), stop: () => {} }
  const isTerminal = mode === 'tty' || (mode === 'auto' && stream.isTTY && process.env.TERM !== 'dumb')
  if (!isTerminal) return { emit: plainProgress(write, now), stop: () => {} }
  return ttyProgress({ write, columns: () => stream.columns ?? 80, rows: () => stream.rows ?? 24, now })
}
