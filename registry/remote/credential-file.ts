import { chmod, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type InferOutput, looseObject, optional, record, safeParse, string } from 'valibot'
import { isErrno, TsbuildError } from '../oci/error.ts'
import { makeFolders } from '../store/make-folders.ts'

const MAX_FILE_BYTES = 4 << 20

const entrySchema = looseObject({
  auth: optional(string()),
  username: optional(string()),
  password: optional(string()),
  identitytoken: optional(string()),
  registrytoken: optional(string()),
})
const fileSchema = looseObject({
  auths: optional(record(string(), entrySchema)),
  credsStore: optional(string()),
  credHelpers: optional(record(string(), string())),
})

/** docker's config.json or containers' auth.json; unknown fields are kept. */
export type CredentialFile = InferOutput<typeof fileSchema>
export type CredentialEntry = InferOutput<typeof entrySchema>

/** undefined when there is none. Throws CREDENTIALS_INVALID, which never quotes the file. */
export async function readCredentialFile(path: string): Promise<CredentialFile | undefined> {
  const text = await readFileCapped(path)
  if (text === undefined) return undefined
  const parsed = safeParse(fileSchema, text.trim() === '' ? {} : parseJson(path, text))
  if (parsed.success) return parsed.output
  // The issue's own message would quote the value; its path may be a host name, which is needed to find the place.
  const where = parsed.issues[0].path?.map((item) => String(item.key)).join('.') ?? ''
  throw invalid(path, where === '' ? 'not an object' : `${where} is not what it should be`)
}

/** Replaces the file as a whole, mode 0600; where `path` is a symbolic link, the file it points to. Throws CREDENTIALS_WRITE. */
export async function writeCredentialFile(path: string, file: CredentialFile): Promise<void> {
  try {
    makeFolders(dirname(path), 0o700)
    const target = await realpath(path).catch((cause) => {
      if (isErrno(cause, 'ENOENT')) return path
      throw cause
    })
    const temporary = join(dirname(target), `.${process.pid}.${Date.now().toString(36)}.tmp`)
    try {
      await writeDurably(temporary, `${JSON.stringify(file, null, '\t')}\n`)
      await rename(temporary, target)
    } catch (cause) {
      await rm(temporary, { force: true })
      throw cause
    }
  } catch (cause) {
    throw new TsbuildError('CREDENTIALS_WRITE', `cannot write ${path}`, { cause, hint: 'set DOCKER_CONFIG to a folder of yours' })
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await chmod(path, 0o600) // The umask may have taken more than it should.
}

async function readFileCapped(path: string): Promise<string | undefined> {
  try {
    const info = await stat(path)
    if (!info.isFile() || info.size > MAX_FILE_BYTES) throw invalid(path, 'not a file of reasonable size')
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (isErrno(cause, 'ENOENT') || isErrno(cause, 'ENOTDIR')) return undefined
    if (cause instanceof TsbuildError) throw cause
    throw new TsbuildError('CREDENTIALS_INVALID', `cannot read ${path}`, { cause })
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid(path, 'not JSON') // Without the cause, whose message quotes the text.
  }
}

function invalid(path: string, why: string): TsbuildError {
  return new TsbuildError('CREDENTIALS_INVALID', `${path}: ${why}`, { hint: 'mend or remove it; `tsbuild login` writes a new one' })
}
