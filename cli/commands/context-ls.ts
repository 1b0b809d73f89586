import { contextUse } from '../../builder/context-use.ts'
import type { Surveyed } from '../../builder/sources/directory.ts'
import { DirectoryTree } from '../../builder/sources/directory.ts'
import type { SourceTree } from '../../builder/sources/tree.ts'
import { textOfBytes } from '../../native/wire.ts'
import { platformOfArch } from '../../registry/oci/platform.ts'
import { buildInput } from '../build-context.ts'
import { buildArguments, buildPlatforms } from '../build-options.ts'
import { command } from '../context.ts'
import { checkFormat, connectionFlags, connectionOptions } from '../flags.ts'
import { lentBy, sshFor } from '../lent.ts'
import { namedContexts } from '../named-contexts.ts'
import { printable } from '../printable.ts'
import { openWorkspace } from '../wire.ts'

interface Row {
  readonly path: string
  readonly type: string
  readonly size: number
  /** `used` by the build, `kept` but used by nothing, or `ignored`. */
  readonly state: 'used' | 'kept' | 'ignored'
  /** The ignore rule that decided, if any did. */
  readonly rule?: { readonly file: string; readonly line: number; readonly text: string }
}

export const run = command(
  {
    path: ['context', 'ls'],
    summary: 'Lists what is in a build context: used by the build, kept, or ignored, and the rule that says so.',
    operands: [{ name: '[context]', help: 'as in build (default: the current folder)' }],
    flags: {
      file: { kind: 'string', short: 'f', value: 'path', help: 'Dockerfile, as in build; also --dockerfile' },
      dockerfile: { kind: 'string', value: 'path', help: 'the same as --file' },
      'build-arg': { kind: 'list', value: 'name[=value]', help: 'value of an ARG' },
      'build-context': { kind: 'list', value: 'name=value', help: 'as in build' },
      target: { kind: 'string', value: 'stage', help: 'what this stage needs (default: the last one)' },
      platform: { kind: 'list', value: 'os/arch', help: 'as in build' },
      format: { kind: 'string', value: 'json', help: 'json: one object a line' },
      ...connectionFlags,
    },
  },
  async (options, [where = '.'], context) => {
    checkFormat(options.format)
    const input = await buildInput(options.file ?? options.dockerfile, where, context)
    const lent = lentBy({ secret: [], ssh: sshFor(where, [], context) }, context)
    await using workspace = await openWorkspace(context, { ...connectionOptions(options, 'all'), lent })
    const { dockerfile, tree } = await input.open(workspace, { keepGitDir: undefined })
    const { contexts } = namedContexts(options['build-context'], async () => workspace, context)
    const buildArgs = await buildArguments(options['build-arg'], context.env)
    const platforms = { platforms: buildPlatforms(options.platform), buildPlatform: platformOfArch(process.arch) }
    const use = await contextUse({ dockerfile, target: options.target, buildArgs, contexts, ...platforms }, tree)
    const surveyed = await survey(tree)
    const rows = surveyed.entries.map((one) => rowOf(one, use.paths.has(one.entry.path), surveyed.ignoreFile))
    context.print(rows.map(options.format === 'json' ? (row) => `${JSON.stringify(row)}\n` : lineOf).join(''))
    for (const { at, message, hint } of use.missing)
      context.printError(`${at.file}:${at.startLine}: ${message}${hint === undefined ? '' : `; hint: ${hint}`}\n`)
    return 0
  },
)

async function survey(tree: SourceTree): Promise<{ readonly entries: readonly Surveyed[]; readonly ignoreFile: string }> {
  if (tree instanceof DirectoryTree) return { entries: await tree.survey(), ignoreFile: tree.ignoreFile }
  const entries = await tree.below('')
  return { entries: entries.map((entry) => ({ entry, isIgnored: false, rule: undefined })), ignoreFile: '' }
}

function rowOf({ entry, isIgnored, rule }: Surveyed, isUsed: boolean, file: string): Row {
  const state = isIgnored ? 'ignored' : isUsed ? 'used' : 'kept'
  const { type, size } = entry
  return {
    path: textOfBytes(entry.path),
    type,
    size: type === 'file' ? size : 0,
    state,
    ...(rule === undefined ? {} : { rule: { file, ...rule } }),
  }
}

/** A directory ends with a slash; an ignored one stands for everything in it. */
function lineOf({ path, type, state, rule }: Row): string {
  const name = printable(type === 'directory' ? `${path}/` : path)
  return `${state.padEnd(7)}  ${rule === undefined ? name : `${name}  (${printable(`${rule.file}:${rule.line} ${rule.text}`)})`}\n`
}
