import { prepareForCheck } from '../../builder/check/base-configs.ts'
import { withColumns } from '../../builder/check/columns.ts'
import { outlineOf } from '../../builder/check/outline.ts'
import { unreachedNote } from '../../builder/check/unreached.ts'
import { checkStages } from '../../builder/dockerfile/check.ts'
import type { ParsedDockerfile } from '../../builder/dockerfile/instruction.ts'
import { parseDockerfile } from '../../builder/dockerfile/parse.ts'
import { type PrepareRequest, platformArgs } from '../../builder/prepare.ts'
import { baseConfigs } from '../base-configs.ts'
import type { Call, Method } from '../call.ts'
import type { Context } from '../context.ts'
import type { Workspace } from '../wire.ts'
import { type Checked, checkJson, checkText } from './check.ts'
import { outlineJson, outlineText } from './outline.ts'
import { targetsJson, targetsText } from './targets.ts'

/** The calls that build nothing. */
export type Question = Call & { readonly method: Exclude<Method, 'build'> }

interface Surroundings {
  readonly context: Context
  /** Opened at the first call: what needs no image opens no store. */
  readonly workspace: () => Promise<Workspace>
}

/** Prints what was asked about a Dockerfile and returns the exit status. Nothing is run. Throws what stands in the way of an answer. */
export async function answer(question: Question, request: PrepareRequest, { context, workspace }: Surroundings): Promise<number> {
  const isJson = question.format === 'json'
  const source = request.dockerfile.bytes
  switch (question.method) {
    case 'subrequests.describe': {
      const { describeJson, describeText } = await import('./describe.ts')
      context.print(isJson ? describeJson() : describeText())
      return 0
    }
    case 'targets': {
      const parsed = parsedOf(request)
      context.print(isJson ? targetsJson(parsed, source) : targetsText(parsed))
      return 0
    }
    case 'outline': {
      const { target, buildArgs, buildPlatform, platforms } = request
      const [platform = buildPlatform] = platforms
      const outline = outlineOf(parsedOf(request), { target, buildArgs, platformArgs: platformArgs({ platform, buildPlatform }) })
      context.print(isJson ? outlineJson(outline, source) : outlineText(outline))
      return 0
    }
    case 'check': {
      const checked = await check(request, { context, workspace })
      context.print(isJson ? checkJson(checked) : checkText(checked))
      if (checked.error !== undefined && !isJson) throw checked.error
      return question.ignoreStatus || (checked.report.length === 0 && checked.error === undefined) ? 0 : 1
    }
  }
}

function parsedOf({ dockerfile, buildArgs }: PrepareRequest): ParsedDockerfile {
  const parsed = parseDockerfile(dockerfile.bytes, dockerfile.file, { syntax: buildArgs.get('BUILDKIT_SYNTAX') })
  checkStages(parsed.instructions)
  return parsed
}

async function check(request: PrepareRequest, { context, workspace }: Surroundings): Promise<Checked> {
  const { file, bytes: source } = request.dockerfile
  try {
    const { parsed, report, outcome, assumed } = await prepareForCheck(request, baseConfigs(workspace, context))
    context.signal.throwIfAborted()
    const shown = await withColumns(report, new TextDecoder().decode(source))
    if ('error' in outcome) return { file, source, report: shown, error: outcome.error }
    const unreached = request.target === undefined ? unreachedNote(parsed, outcome.stages) : undefined
    return {
      file,
      source,
      report: shown,
      error: undefined,
      notes: [...assumedNotes(assumed), ...(unreached === undefined ? [] : [unreached])],
    }
  } catch (error) {
    context.signal.throwIfAborted()
    return { file, source, report: [], error }
  }
}

function assumedNotes(references: readonly string[]): string[] {
  return references.map((reference) => `the registry of ${reference} did not answer: taken for an image that sets no variable and no SHELL`)
}
