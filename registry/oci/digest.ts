import { createHash } from 'node:crypto'
import { TsbuildError } from './error.ts'

/** `algorithm:hex` of bytes as they are stored or sent. image-spec v1.1, descriptor.md, "Digests". */
export type Digest = string & { readonly brand: 'digest' }
/** Digest of a layer's uncompressed tar. image-spec v1.1, config.md, "Layer DiffID". */
export type DiffID = Digest & { readonly of: 'tar' }

export type Algorithm = 'sha256' | 'sha512'
const HEX_LENGTH: Record<Algorithm, number> = { sha256: 64, sha512: 128 }

/** Checks `text` and brands it; throws DIGEST_INVALID. Call it before a digest is used in any path or URL. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw new TsbuildError('DIGEST_INVALID', `not a digest: ${JSON.stringify(text.slice(0, 200))}`, {
      hint: 'a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits',
    })
  }
  return text
}

export function isDigest(text: string): text is Digest {
  const [algorithm, hex, ...rest] = text.split(':')
  if (hex === undefined || rest.length > 0) return false
  return (algorithm === 'sha256' || algorithm === 'sha512') && hex.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(hex)
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/** Digest of bytes that are already in memory. */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest
}

/** A digest from its raw bytes (32 for sha256), as the native core returns it. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  return parseDigest(`${bytes.length === 64 ? 'sha512' : 'sha256'}:${Buffer.from(bytes).toString('hex')}`)
}

/** Brands a digest of an uncompressed tar. */
export function asDiffID(digest: Digest): DiffID {
  return digest as DiffID
}

export interface Hash {
  update(bytes: Uint8Array | string): void
  digest(): Digest
}

/** A running hash; the one door to hashing in TypeScript (the native core has its own). */
export function newHash(algorithm: Algorithm = 'sha256'): Hash {
  const hash = createHash(algorithm)
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  }
}
