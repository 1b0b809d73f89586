import { TsbuildError } from '../../registry/oci/error.ts'
import { parsePlatform } from '../../registry/oci/platform.ts'
import { findImage } from '../../registry/store/find.ts'
import { readImage } from '../../registry/store/image.ts'
import { command } from '../context.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['inspect'],
    summary: 'Shows what is known of a local image as JSON: names, digests, manifest and config.',
    operands: [{ name: '<image>', help: 'name, digest or unique prefix of a digest' }],
    flags: {
      platform: { kind: 'string', value: 'os/arch', help: 'which image of an index' },
      raw: { kind: 'boolean', help: 'print the manifest byte for byte' },
      config: { kind: 'boolean', help: 'with --raw: print the config byte for byte' },
    },
  },
  async ({ platform, raw, config }, [text = ''], context) => {
    if (config && !raw) throw new TsbuildError('USAGE', '--config needs --raw', { hint: 'without both, all is shown as JSON' })
    await using workspace = await openWorkspace(context)
    const found = await findImage(workspace.store, text)
    const image = await readImage(workspace.store.blobs, found.descriptor, platform === undefined ? undefined : parsePlatform(platform))
    if (raw) {
      await context.writeBytes(config ? image.configBytes : image.manifestBytes)
      return 0
    }
    const { descriptor, names } = found
    const view = {
      names,
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      imageID: image.manifest.config.digest,
      manifest: image.manifest,
      config: image.config,
    }
    context.print(`${JSON.stringify(view, null, 2)}\n`)
    return 0
  },
)
