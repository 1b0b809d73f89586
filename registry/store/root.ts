import { accessSync, constants, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isErrno, TsbuildError } from '../oci/error.ts'
import { makeFolders } from './make-folders.ts'

const STAMP = '1\n'
const FOLDERS = ['blobs/sha256', 'names', 'toc', 'layers', 'snapshots', 'steps', 'ingest', 'mounts', 'cache/steps', 'cache/files', 'locks']
/** Names that a store has at its top. A folder with anything else in it is not made a store. */
const OWN = new Set([...FOLDERS.map((path) => path.replace(/\/.*/, '')), 'oci-layout', 'index.json', 'index.stale', 'format'])
const HINT = 'set TSBUILD_ROOT to a folder that you may write'

/** Where the store is: $TSBUILD_ROOT, else the data folder of the user (XDG Base Directory 0.8), for root /var/lib/tsbuild. */
export function storeRoot(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (env.TSBUILD_ROOT) return resolve(env.TSBUILD_ROOT) // the helper has another working directory
  if (uid === 0) return '/var/lib/tsbuild'
  if (env.XDG_DATA_HOME?.startsWith('/')) return join(env.XDG_DATA_HOME, 'tsbuild')
  if (env.HOME) return join(env.HOME, '.local/share/tsbuild')
  throw new TsbuildError('STORE_WRITE', 'no folder for the store: HOME is not set', { hint: HINT })
}

/**
 * Checks that `root` is a store of this format that only its owner can enter, and makes one where there is nothing yet.
 * Throws STORE_UNSAFE, STORE_FORMAT, STORE_WRITE. Three system calls when the store is there.
 */
export function prepareRoot(root: string, uid: number): void {
  const stamp = readStamp(root)
  if (stamp === undefined) makeRoot(root)
  else if (stamp !== STAMP) throw otherFormat(root, `has format ${JSON.stringify(stamp.slice(0, 20).trim())}`)
  checkPrivate(root, uid)
  if (stamp === undefined) fillRoot(root)
  else refusing(root, () => accessSync(root, constants.W_OK))
}

function readStamp(root: string): string | undefined {
  try {
    return readFileSync(`${root}/format`, 'latin1')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw notWritable(root, error)
  }
}

function makeRoot(root: string): void {
  refusing(root, () => makeFolders(root, 0o700))
  const foreign = refusing(root, () => readdirSync(root)).find((name) => !OWN.has(name) && !/^format-\d+\.new$/.test(name))
  if (foreign !== undefined) throw otherFormat(root, `is not empty (${JSON.stringify(foreign)})`)
}

function checkPrivate(root: string, uid: number): void {
  const { mode, uid: owner } = statSync(root)
  if (owner !== uid) {
    throw new TsbuildError('STORE_UNSAFE', `${root} belongs to uid ${owner}, not to you (${uid})`, {
      hint: 'set TSBUILD_ROOT to a folder of your own',
    })
  }
  if ((mode & 0o077) === 0) return
  throw new TsbuildError('STORE_UNSAFE', `${root} can be entered by others (mode ${(mode & 0o7777).toString(8)})`, {
    hint: `chmod 700 ${root}`,
  })
}

/** The stamp comes last: a store without it is begun again, and every part of that may be there already. */
function fillRoot(root: string): void {
  refusing(root, () => {
    for (const folder of FOLDERS) mkdirSync(`${root}/${folder}`, { recursive: true, mode: 0o700 })
    writeFileSync(`${root}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}', { mode: 0o644 })
    writeIfAbsent(`${root}/index.json`, '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}')
    const stamp = `${root}/format-${process.pid}.new` // its own: another process may begin the same store
    writeFileSync(stamp, STAMP, { mode: 0o600 })
    renameSync(stamp, `${root}/format`)
  })
}

function writeIfAbsent(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o644, flag: 'wx' })
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
  }
}

function refusing<T>(root: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw notWritable(root, error)
  }
}

function notWritable(root: string, cause: unknown): TsbuildError {
  const code = (cause as { code?: unknown }).code
  return new TsbuildError('STORE_WRITE', `cannot use ${root} as the store: ${String(code)}`, { cause, hint: HINT })
}

function otherFormat(root: string, why: string): TsbuildError {
  return new TsbuildError('STORE_FORMAT', `${root} is not a store of this release: it ${why}`, {
    hint: 'set TSBUILD_ROOT to another, empty folder',
  })
}
