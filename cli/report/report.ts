import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { access, constants, open, rename, rm } from 'node:fs/promises'
import { arch, release, type } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { BuildResult } from '../../builder/build.ts'
import { isErrno, TsbuildError } from '../../registry/oci/error.ts'
import type { ProgressEvent } from '../../registry/oci/event.ts'
import { formatPlatform } from '../../registry/oci/platform.ts'
import type { Context } from '../context.ts'
import { failureOf } from '../failure.ts'
import { printable } from '../printable.ts'
import type { LoggedStep } from '../progress/run-log.ts'
import { type Outcome, type ReportData, reportData } from './data.ts'
import { reportPage } from './page.ts'
import { Recorder } from './recorder.ts'

export interface Report {
  add(event: ProgressEvent): void
  /** Writes the page about an image that was built. Throws OUTPUT_WRITE. */
  succeeded(log: readonly LoggedStep[], built: Built): Promise<void>
  /** Writes the page about a build that threw `error`; where that fails, it is said, and `error` stays what went wrong. Once a page was tried, nothing. */
  failed(log: readonly LoggedStep[], error: unknown): Promise<void>
}

export interface Built {
  readonly result: Pick<BuildResult, 'root' | 'images'>
  readonly names: readonly string[]
}

/** `--report`. Throws USAGE and OUTPUT_WRITE for a place that no page can be written to: before anything is built. */
export async function openReport(file: string, context: Context): Promise<Report> {
  const path = await checkedPlace(file, context.cwd)
  const started = context.now()
  const recorder = new Recorder(context.now)
  const versions = { tsbuild: context.version, node: process.versions.node, system: `${type()} ${release()} ${arch()}` }
  let isTried = false
  const write = async (log: readonly LoggedStep[], outcome: Pick<Outcome, 'outcome' | 'result' | 'failure'>) => {
    isTried = true
    const data: ReportData = reportData(log, recorder, { ...outcome, started, ended: context.now(), versions })
    await writeWhole(path, reportPage(data), file)
  }
  return {
    add: (event) => recorder.add(event),
    succeeded: (log, built) => write(log, { outcome: 'done', result: resultOf(built), failure: undefined }),
    async failed(log, error) {
      if (isTried) return
      const { message, hint, output, excerpt } = failureOf(error, context)
      const outcome = context.signal.aborted ? 'interrupted' : 'failed'
      await write(log, { outcome, result: undefined, failure: { message, hint, output, excerpt } }).catch((other: unknown) => {
        context.printError(`WARNING: ${printable(failureOf(other, { ...context, signal: new AbortController().signal }).message)}\n`)
      })
    },
  }
}

function resultOf({ result: { root, images }, names }: Built): ReportData['result'] {
  return {
    root: root.digest,
    names,
    images: images.map(({ platform, manifest, config, layers }) => ({
      platform: formatPlatform(platform),
      manifest: manifest.digest,
      config: config.digest,
      layers: layers.map(({ diffID, blob }) => ({ digest: blob.digest, diffID, size: blob.size })),
    })),
  }
}

async function checkedPlace(file: string, cwd: string): Promise<string> {
  if (file === '' || file === '-')
    throw new TsbuildError('USAGE', `--report ${JSON.stringify(file)} is no file`, { hint: 'write --report build.html' })
  const path = resolve(cwd, file)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile())
    throw new TsbuildError('OUTPUT_WRITE', `cannot write the report ${file}: it is there already, and no file`, {
      hint: 'give another name',
    })
  await access(dirname(path), constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw new TsbuildError('OUTPUT_WRITE', `cannot write the report ${file}`, {
      cause,
      hint: isErrno(cause, 'ENOENT') ? `make the folder ${dirname(path)} first` : 'give a place that you may write to',
    })
  })
  return path
}

/** The file is there whole, or as it was before. */
async function writeWhole(path: string, text: string, shown: string): Promise<void> {
  const temporary = join(dirname(path), `.tsbuild-report-${randomBytes(6).toString('hex')}`)
  try {
    await using file = await open(temporary, 'wx')
    await file.writeFile(text)
    await file.sync()
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw new TsbuildError('OUTPUT_WRITE', `cannot write the report ${shown}`, { cause })
  }
}
