import { TsbuildError } from '../../registry/oci/error.ts'
import type { Lent } from '../deps.ts'
import type { Granted, Operation } from '../plan/graph.ts'

/** BuildKit's limit. */
export const MAX_SECRET_BYTES = 500 * 1024
/** A shorter value is in any text. */
const MIN_MASKED = 4

/** Throws SECRET_MISSING, SSH_MISSING or DEVICE_MISSING at the flag that requires what was not given: before anything is run. */
export async function checkLent(operations: readonly Operation[], lent: Lent): Promise<void> {
  for (const operation of operations) {
    if (operation.kind !== 'run') continue
    for (const mount of operation.mounts) {
      if (mount.kind === 'secret' && mount.required && (await lent.secret(mount.id)) === undefined) throw missingSecret(mount)
      if (mount.kind === 'ssh' && mount.required && !lent.hasAgent(mount.id)) throw missingAgent(mount)
    }
    for (const { name, required, at } of operation.devices) {
      if ((await lent.device(name)) !== undefined || !required) continue
      throw new TsbuildError('DEVICE_MISSING', `device ${name}: no specification of this machine has it, and this step requires it`, {
        at,
        hint: 'specifications are in /etc/cdi and /var/run/cdi, or where TSBUILD_CDI_DIRS says',
      })
    }
  }
}

function missingSecret({ id, at }: Granted): TsbuildError {
  return new TsbuildError('SECRET_MISSING', `secret ${id}: not found, and this step requires it`, {
    at,
    hint: `give it: --secret id=${id},src=FILE or --secret id=${id},env=VARIABLE`,
  })
}

function missingAgent({ id, at }: Granted): TsbuildError {
  return new TsbuildError('SSH_MISSING', `ssh ${id}: no agent or key was given, and this step requires it`, {
    at,
    hint: `give it: --ssh ${id}`,
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
  /** The longest first. */
  readonly #secrets: readonly Buffer[]
  readonly #begins = new Set<number>()
  #held: Buffer = Buffer.alloc(0)

  constructor(secrets: readonly Buffer[]) {
    this.#secrets = [...secrets].sort((a, b) => b.length - a.length)
    for (const [first] of this.#secrets) if (first !== undefined) this.#begins.add(first)
  }

  pass(bytes: Uint8Array): Uint8Array {
    return this.#secrets.length === 0 ? bytes : this.#mask(Buffer.concat([this.#held, bytes]), false)
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
      if (!this.#begins.has(text[at] ?? -1)) at++
      else if (!isEnd && this.#mayGoOn(text, at)) break
      else {
        const secret = this.#secrets.find((one) => isAt(text, at, one))
        if (secret !== undefined) pieces.push(text.subarray(from, at), MASK)
        at += secret?.length ?? 1
        if (secret !== undefined) from = at
      }
    }
    this.#held = text.subarray(at)
    return Buffer.concat([...pieces, text.subarray(from, at)])
  }

  /** From `at` on the text is the beginning of a secret that is longer. */
  #mayGoOn(text: Buffer, at: number): boolean {
    const left = text.length - at
    return this.#secrets.some((secret) => secret.length > left && text.compare(secret, 0, left, at) === 0)
  }
}

function isAt(text: Buffer, at: number, secret: Buffer): boolean {
  return text.length - at >= secret.length && text.compare(secret, 0, secret.length, at, at + secret.length) === 0
}
