import { layerFiles, viewOf } from '../builder/chain.ts'
import type { BaseImage } from '../builder/deps.ts'
import { DEFAULT_SHM_BYTES, hostsFile, stepEnvironment } from '../builder/steps/environment.ts'
import { noCommand } from '../builder/steps/run.ts'
import { readUserFiles } from '../builder/steps/user-files.ts'
import { stepUser } from '../builder/steps/users.ts'
import type { StepReply } from '../native/requests/trees.ts'
import { bytesOfText } from '../native/wire.ts'
import { hasCode, TsbuildError } from '../registry/oci/error.ts'
import { type Platform, platformOf } from '../registry/oci/platform.ts'
import { findImage } from '../registry/store/find.ts'
import { readImage } from '../registry/store/image.ts'
import type { Context } from './context.ts'
import { stepNetwork } from './step-network.ts'
import type { Workspace } from './wire.ts'

export interface RunRequest {
  readonly image: string
  readonly argv: readonly string[]
  readonly env: readonly string[]
  readonly user: string | undefined
  readonly workdir: string | undefined
  readonly entrypoint: string | undefined
  readonly network: 'host' | 'none'
  readonly platform: Platform
}

const HOSTNAME = 'tsbuild'

/** Runs a command in a fresh state on top of an image; the state goes when it ends. Standard input, output and errors are ours. Throws RUN_NO_COMMAND. */
export async function runImage(request: RunRequest, workspace: Workspace, context: Context): Promise<StepReply> {
  const { signal } = context
  const image = await localOrFetched(request, workspace, signal)
  const config = image.config.config ?? {}
  const argv = commandOf(request, config.Entrypoint ?? [], config.Cmd ?? [])
  const emulation = await workspace.buildDeps.emulation(platformOf(image.config))
  const snapshots = await workspace.snapshots()
  await using active = await snapshots.begin(await layerFiles(image.layers, workspace.buildDeps, signal), signal)
  const view = await viewOf(image.layers, workspace.buildDeps, signal)
  const { uid, gid, groups, home } = stepUser(request.user ?? config.User ?? '', await readUserFiles(view, signal))
  const step = {
    argv: argv.map(bytesOfText),
    env: stepEnvironment([`HOSTNAME=${HOSTNAME}`, ...(config.Env ?? []), ...request.env], home).map(bytesOfText),
    cwd: bytesOfText(request.workdir ?? (config.WorkingDir || '/')),
    uid,
    gid,
    groups,
    hostname: HOSTNAME,
    network: request.network,
    hosts: hostsFile(HOSTNAME, []),
    resolvConf: request.network === 'host' ? bytesOfText(stepNetwork().resolvConf) : '',
    noNewPrivileges: false,
    stdin: true,
    insecure: false,
    shmSize: DEFAULT_SHM_BYTES,
    limits: [],
    mounts: [],
    emulation,
  }
  const output = { stdout: context.writeBytes, stderr: context.writeErrorBytes, stdin: context.stdin }
  try {
    return await active.run(step, output, signal) // awaited: the state goes when this function ends
  } catch (error) {
    throw noCommand(argv, error) ?? error
  } finally {
    context.stdin.destroy() // a terminal would be waited for, although nobody reads it any more
  }
}

async function localOrFetched({ image, platform }: RunRequest, workspace: Workspace, signal: AbortSignal): Promise<BaseImage> {
  try {
    const found = await readImage(workspace.store.blobs, (await findImage(workspace.store, image)).descriptor, platform)
    const layers = found.layers.map(({ diffID, descriptor }) => ({ diffID, blob: descriptor }))
    return { reference: image, manifest: found.descriptor.digest, config: found.config, layers }
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error
    return workspace.bases.resolve(image, platform, { pull: 'missing', isLazy: false, signal })
  }
}

function commandOf(request: RunRequest, entrypoint: readonly string[], cmd: readonly string[]): string[] {
  const own = request.entrypoint === undefined ? entrypoint : request.entrypoint === '' ? [] : [request.entrypoint]
  const rest = request.argv.length > 0 ? request.argv : request.entrypoint === undefined ? cmd : []
  const argv = [...own, ...rest]
  if (argv.length > 0) return argv
  throw new TsbuildError('RUN_NO_DEFAULT', `${request.image} has no command of its own`, { hint: 'write one after the name of the image' })
}
