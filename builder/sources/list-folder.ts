import type { NativeOps } from '../../native/ops.ts'
import type { ListedEntry } from '../../native/requests/files.ts'
import type { Bytes } from '../../native/wire.ts'
import { join } from '../../registry/store/resolve-path.ts'

/** Everything below a folder of ours, each directory before what is in it. Its own entry is not among them. */
export async function listFolder(
  root: Bytes,
  native: Pick<NativeOps, 'list'>,
  signal: AbortSignal,
): Promise<(Pick<ListedEntry, 'type' | 'mode' | 'size'> & { readonly path: Bytes })[]> {
  const list = async (dir: Bytes): Promise<Awaited<ReturnType<typeof listFolder>>> => {
    const [entries = []] = await native.list({ root, directories: [dir], xattrs: false }, signal)
    const found: Awaited<ReturnType<typeof listFolder>> = []
    for (const { name, type, mode, size } of entries) {
      const path = join(dir, name)
      found.push({ path, type, mode, size })
      if (type === 'directory') found.push(...(await list(path)))
    }
    return found
  }
  return list('')
}
