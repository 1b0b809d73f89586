import type { MergedView } from '../../registry/store/view.ts'
import type { UserFiles } from './users.ts'

/** A larger passwd or group file is refused: it is read whole, and comes from outside. */
const MAX_BYTES = 10 << 20

/** /etc/passwd and /etc/group of an image, found as a process in it would find them, read out of their layers. */
export async function readUserFiles(view: MergedView, signal: AbortSignal): Promise<UserFiles> {
  const read = async (path: string): Promise<string | undefined> => {
    const { node } = view.resolve(path)
    return node?.type === 'file' ? Buffer.from(await view.readFile(node, MAX_BYTES, signal)).toString('utf8') : undefined
  }
  return { passwd: await read('etc/passwd'), group: await read('etc/group') }
}
