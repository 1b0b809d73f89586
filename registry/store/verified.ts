import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, newHash } from '../oci/digest.ts'
import { TsbuildError } from '../oci/error.ts'

/** Passes `source` on; throws BLOB_MISMATCH unless it is exactly what `want` describes. Trust the bytes only once the loop has ended. */
export async function* verified(source: AsyncIterable<Uint8Array>, want: Pick<Descriptor, 'digest' | 'size'>): AsyncGenerator<Uint8Array> {
  const hash = newHash(algorithmOf(want.digest))
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > want.size) break // no reading an endless body to its end
    hash.update(chunk)
    yield chunk
  }
  if (size !== want.size || hash.digest() !== want.digest) throw mismatch(want, size)
}

/** BLOB_MISMATCH: `size` bytes came that are not what `want` describes. */
export function mismatch(want: Pick<Descriptor, 'digest' | 'size'>, size: number): TsbuildError {
  return new TsbuildError('BLOB_MISMATCH', `${want.digest}: not its content (${size} of ${want.size} bytes)`)
}
