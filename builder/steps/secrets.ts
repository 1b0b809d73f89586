import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Lent } from '../deps.ts'
import { isGitOverSsh } from '../dockerfile/sources.ts'
import { didYouMean } from '../dockerfile/suggest.ts'
import type { Granted, Operation } from '../plan/graph.ts'
import { noAgent } from '../sources/git-agent.ts'

/** BuildKit's limit. */
export const MAX_SECRET_BYTES = 500 * 1024
/** Of NAME=value with the zero at its end: execve(2), MAX_ARG_STRLEN. */
const MAX_VARIABLE_BYTES = 128 * 1024
/** A shorter value is in any text. */
const MIN_MASKED = 4

/**
 * Which secrets and agents steps go without, in one line; undefined when there is none. Throws SECRET_MISSING, SSH_MISSING or DEVICE_MISSING where something is
 * required that was not given: before anything is run.
 */
export async function checkLent(operations: readonly Operation[], lent: Lent): Promise<string | undefined> {
  const without = new Map<string, string>()
  for (const operation of operations) {
    if (operation.kind === 'copy' && operation.add && operation.sources.some(isGitOverSsh) && !lent.hasAgent('default'))
      throw noAgent(operation.at)
    if (operation.kind !== 'run') continue
    for (const mount of operation.mounts) {
      if (mount.kind !== 'secret' && mount.kind !== 'ssh') continue
      const isGiven = mount.kind === 'ssh' ? lent.hasAgent(mount.id) : (await lent.secret(mount.id)) !== undefined
      if (isGiven) continue
      if (mount.required) throw mount.kind === 'ssh' ? missingAgent(mount) : missingSecret(mount, lent)
      const near = mount.kind === 'ssh' ? undefined : didYouMean(mount.id, lent.secretIds ?? [])
      const name = `${mount.kind} ${mount.id}`
      if (!without.has(name)) without.set(name, `${name} (${mount.at.file}:${mount.at.startLine}${near === undefined ? '' : `; ${near}`})`)
    }
    for (const { name, required, at } of operation.devices) {
      if ((await lent.device(name)) !== undefined || !required) continue
      throw new TsbuildError('DEVICE_MISSING', `device ${name}: no specification of this machine has it, and this step requires it`, {
        at,
        hint: 'specifications are in /etc/cdi and /var/run/cdi, or where TSBUILD_CDI_DIRS says',
      })
    }
  }
  if (without.size === 0) return undefined
  const listed = [...without.values()]
  const more = listed.length > MAX_LISTED ? ` and ${listed.length - MAX_LISTED} more` : ''
  return `not given, so that steps go without: ${listed.slice(0, MAX_LISTED).join(', ')}${more}`
}

const MAX_LISTED = 5

function missingSecret({ id, at }: Granted, { secretIds = [] }: Lent): TsbuildError {
  return new TsbuildError('SECRET_MISSING', `secret ${id}: not found, and this step requires it`, {
    at,
    hint: didYouMean(id, secretIds) ?? `give it: --secret id=${id},src=FILE or --secret id=${id},env=VARIABLE`,
  })
}

function missingAgent({ id, at }: Granted): TsbuildError {
  return new TsbuildError('SSH_MISSING', `ssh ${id}: no agent or key was given, and this step requires it`, {
    at,
    hint: `give it: --ssh ${id}`,
  })
}

/** NAME=value, byte by byte. Throws SECRET_INVALID for what no variable can hold. */
export function secretVariable(name: string, value: Uint8Array, { id, at }: Pick<Granted, 'id' | 'at'>): Bytes {
  const variable = `${bytesOfText(name)}=${Buffer.from(value).toString('latin1')}`
  const why = variable.includes('\0') ? 'has a zero byte' : variable.length >= MAX_VARIABLE_BYTES ? `has ${value.length} bytes` : undefined
  if (why === undefined) return variable
  throw new TsbuildError('SECRET_INVALID', `secret ${id} cannot be the variable ${name}: it ${why}`, {
    at,
    hint: 'a file can hold it: --mount=type=secret without env=',
  })
}

/** What is masked of a secret in output: each of its lines. */
export function maskedParts(secret: Uint8Array): Buffer[] {
  const lines = new Set(
    Buffer.from(secret)
      .toString('latin1')
      .split(/[\r\n]+/),
  )
  return [...lines]
    .filter((line) => line.length >= MIN_MASKED)
    .sort((a, b) => b.length - a.length)
    .map((line) => Buffer.from(line, 'latin1'))
}

const MASK = Buffer.from('****')

/** Takes secrets out of a stream of output, also where one is cut by the end of a piece: what may be the beginning of one waits for the next piece. */
export class Masking {
  readonly #known: KnownSecrets
  #held: Buffer = Buffer.alloc(0)

  constructor(secrets: readonly Buffer[]) {
    this.#known = new KnownSecrets(secrets)
  }

  pass(bytes: Uint8Array): Uint8Array {
    return this.#known.size === 0 ? bytes : this.#mask(Buffer.concat([this.#held, bytes]), false)
  }

  /** What waits, once no more comes. */
  rest(): Uint8Array {
    return this.#mask(this.#held, true)
  }

  #mask(text: Buffer, isEnd: boolean): Uint8Array {
    const pieces: Buffer[] = []
    let from = 0
    let at = 0
    while (at < text.length) {
      const isTail = at > text.length - MIN_MASKED
      if (isTail ? isEnd : !this.#known.mayBegin(text, at)) at++
      else if (!isEnd && this.#known.mayGoOn(text, at)) break
      else {
        const length = this.#known.lengthAt(text, at)
        if (length > 0) pieces.push(text.subarray(from, at), MASK)
        at += length || 1
        if (length > 0) from = at
      }
    }
    this.#held = text.subarray(at)
    return Buffer.concat([...pieces, text.subarray(from, at)])
  }
}

/** Secrets in byte order, so that a file of 100,000 lines costs a few comparisons where its lines are looked for, and not 100,000. */
class KnownSecrets {
  readonly #sorted: readonly Buffer[]
  /** For each the longest other one that it begins with, by position; -1 for none. */
  readonly #shorter: number[] = []
  readonly #beginnings: ReadonlySet<number>

  constructor(secrets: readonly Buffer[]) {
    this.#sorted = [...secrets].sort((a, b) => a.compare(b))
    for (const [index, secret] of this.#sorted.entries()) {
      let shorter = index - 1
      while (shorter >= 0 && !beginsWith(secret, 0, this.#sorted[shorter])) shorter = this.#shorter[shorter] ?? -1
      this.#shorter.push(shorter)
    }
    this.#beginnings = new Set(this.#sorted.map((secret) => secret.readUInt32BE(0)))
  }

  get size(): number {
    return this.#sorted.length
  }

  /** Cheap, and right about nearly everything that is no secret. There must be MIN_MASKED bytes at `at`. */
  mayBegin(text: Buffer, at: number): boolean {
    return this.#beginnings.has(text.readUInt32BE(at))
  }

  /** From `at` on the text is the beginning of a secret that is longer. */
  mayGoOn(text: Buffer, at: number): boolean {
    const next = this.#sorted[this.#countUpTo(text, at)]
    return next !== undefined && next.length > text.length - at && text.compare(next, 0, text.length - at, at) === 0
  }

  /** Of the longest secret at `at`; 0 for none. */
  lengthAt(text: Buffer, at: number): number {
    let index = this.#countUpTo(text, at) - 1
    while (index >= 0 && !beginsWith(text, at, this.#sorted[index])) index = this.#shorter[index] ?? -1
    return this.#sorted[index]?.length ?? 0
  }

  /** How many secrets are not after the rest of the text. */
  #countUpTo(text: Buffer, at: number): number {
    let [low, high] = [0, this.#sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const secret = this.#sorted[middle] as Buffer
      if (secret.compare(text, at, Math.min(text.length, at + secret.length + 1)) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function beginsWith(text: Buffer, at: number, start: Buffer | undefined): boolean {
  return start !== undefined && text.length - at >= start.length && text.compare(start, 0, start.length, at, at + start.length) === 0
}
