import { writeFile } from 'node:fs/promises'
import type { BuildResult } from '../builder/build.ts'
import type { Digest } from '../registry/oci/digest.ts'
import { TsbuildError } from '../registry/oci/error.ts'

interface ResultFileOptions {
  readonly iidfile: string | undefined
  readonly 'metadata-file': string | undefined
}

/** Digest of the config; of several images that of their index, as buildx has it. */
export function imageID({ root, images }: BuildResult): Digest {
  const [only, ...others] = images
  return only === undefined || others.length > 0 ? root.digest : only.config.digest
}

/** --iidfile gets the image ID, --metadata-file what buildx puts there under the same keys. Throws OUTPUT_WRITE. */
export async function writeResultFiles(options: ResultFileOptions, result: BuildResult, names: readonly string[]): Promise<void> {
  if (options.iidfile !== undefined) await write(options.iidfile, imageID(result))
  const file = options['metadata-file']
  if (file === undefined) return
  const { mediaType, digest, size } = result.root
  const metadata = {
    ...(result.images.length === 1 ? { 'containerimage.config.digest': imageID(result) } : {}),
    'containerimage.descriptor': { mediaType, digest, size },
    'containerimage.digest': digest,
    ...(names.length === 0 ? {} : { 'image.name': names.join(',') }),
  }
  await write(file, `${JSON.stringify(metadata, null, 2)}\n`)
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: unknown) => {
    throw new TsbuildError('OUTPUT_WRITE', `cannot write ${path}`, { cause })
  })
}
