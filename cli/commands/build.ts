import { build } from '../../builder/build.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Emit } from '../../registry/oci/event.ts'
import { platformOfArch } from '../../registry/oci/platform.ts'
import { familiarReference, formatReference, parseReference, withDefaultTag } from '../../registry/oci/reference.ts'
import { parseBoolean } from '../booleans.ts'
import { buildInput } from '../build-context.ts'
import { buildFlags, refuseAttestations, UNSUPPORTED_BUILD_FLAGS } from '../build-flags.ts'
import {
  allowedOf,
  buildArguments,
  buildPlatforms,
  explainFormat,
  jobsOf,
  keyValues,
  networkOf,
  noCacheOf,
  pullPolicy,
  stepResources,
} from '../build-options.ts'
import { cacheOrigins, cacheTargets } from '../cache-flags.ts'
import { callOf } from '../call.ts'
import { answer } from '../calls/call.ts'
import { careAfter } from '../care/after.ts'
import { type Context, command, type Progress } from '../context.ts'
import { explained, explainJson, explainText } from '../explain.ts'
import { connectionOptions, progressMode } from '../flags.ts'
import { withLayouts } from '../layout-bases.ts'
import { lentBy, sshFor } from '../lent.ts'
import { namedContexts } from '../named-contexts.ts'
import { isToStdout, outputsOf } from '../output-flags.ts'
import { carryOut } from '../outputs.ts'
import { RunLog } from '../progress/run-log.ts'
import { didAnything, summaryTable } from '../progress/summary.ts'
import type { Report } from '../report/report.ts'
import { imageID, writeResultFiles } from '../result-files.ts'
import { cacheSources, writeCaches } from '../shared-cache.ts'
import { stepNetwork } from '../step-network.ts'
import { lazyWorkspace, openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['build'],
    summary: 'Builds an image from a Dockerfile. The digest of its manifest is printed on standard output.',
    operands: [
      { name: '<context>', help: 'folder, tar, http(s) or git URL with the files for COPY and ADD; - reads a tar or a Dockerfile' },
    ],
    flags: buildFlags,
    unsupported: UNSUPPORTED_BUILD_FLAGS,
  },
  async (options, [where = ''], context) => {
    refuseAttestations(options)
    const { method, ...rest } = callOf(options)
    const settings = {
      target: options.target,
      labels: keyValues(options.label, 'label'),
      platforms: buildPlatforms(options.platform),
      ...noCacheOf(options['no-cache'], options['no-cache-filter']),
      ...allowedOf(options.allow),
      pull: pullPolicy(options.pull),
      jobs: jobsOf(options.jobs),
      network: networkOf(options.network),
      stepNetwork: stepNetwork(options['add-host']),
      resources: stepResources(options),
    }
    const mode = options.quiet ? 'quiet' : progressMode(options.progress)
    const explain = explainFormat(options.explain)
    const report = await reportOf(options.report, method, context)
    const { progress, log } = logged(context.progress(mode), report)
    try {
      const names = options.tag.map((tag) => formatReference(withDefaultTag(parseReference(tag))))
      const [origins, targets] = [cacheOrigins(options['cache-from']), cacheTargets(options['cache-to'])]
      const outputs = outputsOf(options.output, { push: options.push, names, isForSeveral: settings.platforms.length > 1 })
      const connection = connectionOptions(options, 'all')
      const input = await buildInput(options.file, where, context)
      const lent = lentBy({ secret: options.secret, ssh: sshFor(where, options.ssh, context) }, context)
      if (method !== 'build') {
        const buildArgs = await buildArguments(options['build-arg'], context.env)
        await using workspace = lazyWorkspace(context, { ...progress, ...connection, lent })
        const open = () => workspace.open()
        const { dockerfile, ignore } = await input.peek(open)
        const { contexts } = namedContexts(options['build-context'], open, context)
        const request = { ...settings, dockerfile, buildArgs, buildPlatform: platformOfArch(process.arch), ignore, contexts }
        return await answer({ method, ...rest }, request, { context, workspace: open })
      }
      await using _care = await careAfter(log, context, mode)
      await using workspace = await openWorkspace(context, { ...progress, ...connection, lent })
      const buildArgs = await buildArguments(options['build-arg'], context.env)
      const rewriteTimestamps = outputs.some((output) => output.rewriteTimestamps)
      const keepGitDir = parseBoolean(buildArgs.get('BUILDKIT_CONTEXT_KEEP_GIT_DIR') ?? '')
      const { dockerfile, tree, ignore } = await input.open(workspace, { keepGitDir })
      const named = namedContexts(options['build-context'], async () => workspace, context)
      const surroundings = { workspace, context, platforms: settings.platforms }
      const result = await build(
        {
          ...settings,
          dockerfile,
          context: tree,
          ignore,
          contexts: named.contexts,
          openContext: named.open,
          imports: cacheSources(origins, surroundings),
          inlineCache: targets.some(({ type }) => type === 'inline'),
          buildArgs,
          buildPlatform: platformOfArch(process.arch),
          rewriteTimestamps,
          project: JSON.stringify([dockerfile.path ?? dockerfile.file, dockerfile.path === undefined ? where : '']),
          producer: `tsbuild ${context.version}`,
          signal: context.signal,
        },
        { ...workspace.buildDeps, bases: withLayouts(workspace, workspace.buildDeps.bases) },
      ).finally(() => workspace.digests.save()) // what was read need not be read again, whatever came of it
      await carryOut(outputs, { result, names }, workspace, context)
      await writeCaches(targets, result, surroundings)
      await writeResultFiles(options, result, names)
      await report?.succeeded(log.steps, { result, names })
      progress.stop()
      if (mode !== 'quiet' && mode !== 'rawjson' && didAnything(log.steps)) context.printError(summaryTable(log.steps))
      if (explain !== undefined)
        context.printError(explain === 'json' ? explainJson(explained(log.steps)) : explainText(explained(log.steps)))
      const print = outputs.some(isToStdout) ? context.printError : context.print
      if (!options.quiet) for (const name of names) context.printError(`named ${familiarReference(parseReference(name))}\n`)
      print(`${options.quiet ? imageID(result) : result.root.digest}\n`)
      return 0
    } catch (error) {
      progress.stop()
      await report?.failed(log.steps, error)
      throw error
    } finally {
      progress.stop()
    }
  },
)

/** --report, which is loaded only then. */
async function reportOf(file: string | undefined, method: string, context: Context): Promise<Report | undefined> {
  if (file === undefined) return undefined
  if (method !== 'build') throw new TsbuildError('USAGE', `--report is about a build, and --call=${method} is none`)
  const { openReport } = await import('../report/report.ts')
  return openReport(file, context)
}

/** Progress that also keeps what happened. */
function logged(progress: Progress, report: Report | undefined): { progress: Progress; log: RunLog } {
  const log = new RunLog()
  const emit: Emit = (event) => {
    log.add(event)
    report?.add(event)
    progress.emit(event)
  }
  return { progress: { ...progress, emit }, log }
}
