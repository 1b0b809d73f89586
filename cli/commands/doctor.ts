import type { Helper } from '../../native/helper.ts'
import type { Fact } from '../../native/requests/trees.ts'
import { hasCode, type TsbuildError } from '../../registry/oci/error.ts'
import { prepareRoot, storeRoot } from '../../registry/store/root.ts'
import { command } from '../context.ts'
import { emulatedHere } from '../emulators.ts'
import { FIXES, UNUSED } from '../fixes.ts'
import { checkFormat } from '../flags.ts'
import { isolationOf, probePlace, stackingOf } from '../isolation.ts'
import { openNative } from '../native-parts.ts'

const NO_STEPS =
  'isolation: none is to be had here, so a RUN fails; Dockerfiles without RUN are built all the same, and images pushed and pulled'

/** Prints the table and answers 0 whatever it says: a place that allows little is described, not a failure of this command. */
export const run = command(
  {
    path: ['doctor'],
    summary: 'Tells which isolation this machine allows, why not more, and the smallest fix. Its exit status is 0 whatever it finds.',
    operands: [],
    flags: { format: { kind: 'string', value: 'json', help: 'json: the facts as JSON' } },
  },
  async ({ format }, _operands, context) => {
    checkFormat(format)
    const core = await openNative(context)
    await using native = core.native
    const root = storeRoot(context.env, context.uid)
    prepareRoot(root, context.uid)
    const forced = stackingOf(context.env.TSBUILD_STACKING)
    const started = await start(core.startHelper)
    const facts = isHelper(started)
      ? await probed(started, (helper) => probePlace(root, helper, native, context.signal))
      : withoutHelper(started)
    const emulated = emulatedHere(context.env)
    const isolation = isHelper(started) ? isolationOf(facts, forced).line : NO_STEPS
    const fixes = isHelper(started) ? FIXES : { ...FIXES, ...(started.hint !== undefined && { 'user namespace': started.hint }) }
    if (format === 'json') {
      context.print(
        `${JSON.stringify({ version: context.version, native: core.description, isolation, facts, emulators: emulated }, null, 2)}\n`,
      )
      return 0
    }
    context.print(`tsbuild ${context.version}, native ${core.description}\nstore ${root}\n${isolation}\n\n`)
    for (const fact of facts) context.print(rowOf(fact, fixes[fact.name]))
    context.print(emulatorRow(emulated))
    return 0
  },
)

/** The helper, or why there can be none in this place. */
async function start(startHelper: () => Promise<Helper>): Promise<Helper | TsbuildError> {
  try {
    return await startHelper()
  } catch (error) {
    if (hasCode(error, 'NO_USER_NAMESPACE') || hasCode(error, 'NATIVE_FAILURE')) return error as TsbuildError
    throw error
  }
}

function isHelper(started: Helper | TsbuildError): started is Helper {
  return 'probe' in started
}

async function probed(started: Helper, probe: (helper: Helper) => Promise<Fact[]>): Promise<Fact[]> {
  await using helper = started
  return await probe(helper)
}

function withoutHelper({ message }: TsbuildError): Fact[] {
  return [
    { name: 'user namespace', ok: false, detail: message },
    { name: 'ids', ok: false, detail: 'only in a user namespace can there be ids for the files of an image' },
  ]
}

/** What there is to run programs of other architectures with. */
function emulatorRow({ own, host }: ReturnType<typeof emulatedHere>): string {
  const found = [
    ...(own.length === 0 ? [] : [`QEMU for ${own.join(', ')}`]),
    ...(host.length === 0 ? [] : [`registered by the machine: ${host.join(', ')}`]),
  ]
  if (found.length > 0) return `yes  emulators: ${found.join('; ')}\n`
  return 'no   emulators: RUN for other architectures needs one\n     apt-get install qemu-user-static, or name its folder with TSBUILD_QEMU_DIR\n'
}

function rowOf({ name, ok, detail }: Fact, fix: string | undefined): string {
  const why = detail === '' ? '' : `: ${detail}`
  if (!ok && UNUSED.includes(name)) return `-    ${name}${why}; it is not used yet, so nothing is missing\n`
  return ok ? `yes  ${name}${why}\n` : `no   ${name}${why}\n${fix === undefined ? '' : `     ${fix}\n`}`
}
