import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../oci/error.ts'
import type { HttpResponse } from './transport.ts'

export interface RetryOptions {
  /** Tries in all; default 5. */
  readonly tries?: number | undefined
  /** First pause in milliseconds, doubled each time and jittered; default 250. */
  readonly baseMs?: number | undefined
  /** What a server asks for with Retry-After is cut to this; default 60 000. */
  readonly capMs?: number | undefined
  /** [0, 1), for the jitter. */
  readonly random: () => number
  /** Milliseconds since the epoch, for Retry-After as a date. */
  readonly now: () => number
}

/** Answers after which the same request may succeed a moment later. */
export const RETRIED: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])

/** Repeats `attempt` while it fails in a way that may pass: the connection, a time-out, 408, 429 or 5xx. The last failure is returned or thrown as it is. */
export async function withRetry(attempt: () => Promise<HttpResponse>, options: RetryOptions, signal?: AbortSignal): Promise<HttpResponse> {
  const tries = options.tries ?? 5
  for (let tried = 1; ; tried++) {
    let pause = pauseAfter(tried, options)
    try {
      const response = await attempt()
      if (!RETRIED.has(response.status) || tried === tries) return response
      pause = retryAfter(response.headers['retry-after'], options) ?? pause
      await response.discard()
    } catch (error) {
      if (!isTransient(error) || tried === tries) throw error
    }
    await sleep(pause, undefined, { signal })
  }
}

/** True where the same request may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  return hasCode(error, 'CONNECTION_LOST') || hasCode(error, 'REGISTRY_TIMEOUT')
}

/** Milliseconds before try number `tried` + 1: exponential, between half and all of it, so that many clients do not come back together. */
export function pauseAfter(tried: number, { baseMs = 250, random }: Pick<RetryOptions, 'baseMs' | 'random'>): number {
  const full = Math.min(30_000, baseMs * 2 ** (tried - 1))
  return full / 2 + (full / 2) * random()
}

/** Milliseconds that a Retry-After header asks for (seconds or a date; RFC 9110, 10.2.3), capped; undefined when there is none that can be read. */
export function retryAfter(
  header: string | string[] | undefined,
  { capMs = 60_000, now }: Pick<RetryOptions, 'capMs' | 'now'>,
): number | undefined {
  const text = Array.isArray(header) ? header[0] : header
  if (text === undefined) return undefined
  const asked = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now()
  return Number.isNaN(asked) ? undefined : Math.min(capMs, Math.max(0, asked))
}
