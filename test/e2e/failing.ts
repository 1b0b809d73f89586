import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { remains } from './leftovers.ts'
import type { Ended, Workbench } from './workbench.ts'

/** What a command that fails has to say. */
export interface Complaint {
  /** Default 1. */
  readonly status?: number
  /** The line after `tsbuild: `. */
  readonly says: string | RegExp
  /** The line after `hint: `, when there must be one. */
  readonly hint?: string | RegExp
  /** Somewhere above: the excerpt, the command's output. */
  readonly shows?: RegExp
}

/** What a terminal may take as a command, and nothing that is printed may hold. */
export const CONTROL = /(?![\t\n])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u

/** One line says it, a hint may follow, and nothing comes after. */
export function complains({ status, stdout, stderr }: Ended, want: Complaint): void {
  const lines = stderr.replace(/\n$/, '').split('\n')
  const hint = lines.at(-1)?.startsWith('hint: ') ? lines.pop()?.slice('hint: '.length) : undefined
  const line = lines.pop() ?? ''
  assert.ok(line.startsWith('tsbuild: '), stderr)
  matches(line.slice('tsbuild: '.length), want.says, stderr)
  if (want.hint !== undefined) matches(hint ?? '', want.hint, stderr)
  if (want.shows !== undefined) assert.match(lines.join('\n'), want.shows)
  assert.ok(!CONTROL.test(stderr), JSON.stringify(stderr))
  assert.doesNotMatch(stderr, /internal error|^ {4}at |^tsbuild: .*\ntsbuild: /m)
  assert.deepEqual({ status, stdout }, { status: want.status ?? 1, stdout: '' }, stderr)
}

function matches(text: string, want: string | RegExp, whole: string): void {
  if (typeof want === 'string') assert.equal(text, want, whole)
  else assert.match(text, want, whole)
}

/** What the store gives its names to, and the temporary files in it: a command that fails leaves both as they were. */
export function published(bench: Workbench): Record<string, string> {
  const folder = join(bench.store, 'names')
  const names = existsSync(folder) ? readdirSync(folder) : []
  const contents = names.map((name) => [name, readFileSync(join(folder, name), 'latin1')])
  return { ...Object.fromEntries(contents), remains: remains(bench).join(' ') }
}
