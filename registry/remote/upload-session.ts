import { readFileSync, rmSync } from 'node:fs'
import { object, safeParse, string } from 'valibot'
import type { HeldLock } from '../../native/ops.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { isErrno } from '../oci/error.ts'
import { FORMAT, type KeyLockOptions, type Place, writeWhole } from '../store/place.ts'
import type { Repository } from './client.ts'

const savedSchema = object({ location: string() })

/**
 * The memory of one upload to one repository, kept over kill -9 in `cache/uploads/`: where it goes on. While it is held nobody else uploads the
 * same blob to the same place. How far it came is asked of the registry, which alone knows.
 */
export interface SavedUpload extends AsyncDisposable {
  /** Somebody else held it before: the blob may be there by now. */
  readonly waited: boolean
  /** The Location of an upload that was not finished, as the registry gave it. */
  readonly location: string | undefined
  save(location: URL): Promise<void>
  forget(): void
}

/** Waits while another process uploads this blob to this repository. */
export async function openSavedUpload(place: Place, at: Repository, blob: Descriptor, options: KeyLockOptions = {}): Promise<SavedUpload> {
  const key = hexOf(digestOf(`${at.registry}/${at.repository}@${blob.digest}`))
  const path = `${place.root}/cache/uploads/${key}`
  let waited = false
  const onWait = () => {
    waited = true
    options.onWait?.()
  }
  const lock: HeldLock | undefined = await place.lock(`upload-${key}`, { ...options, onWait })
  return {
    waited,
    location: readLocation(path),
    save: (location) =>
      writeWhole(place, path, Buffer.concat([Buffer.of(FORMAT), Buffer.from(JSON.stringify({ location: location.href }))])),
    forget: () => rmSync(path, { force: true }),
    [Symbol.asyncDispose]: async () => lock?.release(),
  }
}

function readLocation(path: string): string | undefined {
  try {
    const bytes = readFileSync(path)
    if (bytes[0] !== FORMAT) return undefined
    const parsed = safeParse(savedSchema, JSON.parse(bytes.toString('utf8', 1)))
    return parsed.success ? parsed.output.location : undefined
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined
    throw error
  }
}
