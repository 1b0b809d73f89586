import { open, rm } from 'node:fs/promises'
import { type Digest, newHash } from '../../registry/oci/digest.ts'
import { TsbuildError } from '../../registry/oci/error.ts'

/** No file, archive or repository from outside is taken beyond this. */
export const MAX_SOURCE_BYTES = 16 * 2 ** 30

export interface Spooled {
  readonly digest: Digest
  readonly size: number
}

/**
 * Writes what comes into a new file at `path`, which is gone again when anything fails. Throws SOURCE_TOO_LARGE as soon as there is more than `maxBytes`;
 * `what` names the source in that message.
 */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  path: string,
  { maxBytes, what, onBytes }: { readonly maxBytes: number; readonly what: string; readonly onBytes?: (size: number) => void },
): Promise<Spooled> {
  const hash = newHash()
  let size = 0
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of source) {
      size += chunk.length
      if (size > maxBytes) throw tooLarge(what, maxBytes)
      hash.update(chunk)
      await file.writev([chunk])
      onBytes?.(size)
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return { digest: hash.digest(), size }
}

export function tooLarge(what: string, maxBytes: number): TsbuildError {
  return new TsbuildError('SOURCE_TOO_LARGE', `${what} is larger than ${maxBytes} bytes`, {
    hint: 'fetch it by other means and put it into the context',
  })
}
