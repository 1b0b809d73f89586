import { StepCache, type StepRecord } from '../../builder/cache.ts'
import { type RecordedStep, recordedBuild } from '../../builder/explain/build-record.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { parsePlatform } from '../../registry/oci/platform.ts'
import { findImage } from '../../registry/store/find.ts'
import { readImage } from '../../registry/store/image.ts'
import { command } from '../context.ts'
import { type Explained, explainJson, explainText } from '../explain.ts'
import { checkFormat } from '../flags.ts'
import { openWorkspace } from '../wire.ts'

export const run = command(
  {
    path: ['why'],
    summary: 'Tells why the steps of an image were done when they last were: which part of the cache key was not as before.',
    operands: [
      { name: '<image>', help: 'name, digest or unique prefix of a digest' },
      { name: '[step]', help: 'number of the step, or a part of its name' },
    ],
    flags: {
      platform: { kind: 'string', value: 'os/arch', help: 'which image of an index' },
      format: { kind: 'string', value: 'json', help: 'json: one array' },
    },
  },
  async ({ platform, format }, [text = '', step = ''], context) => {
    checkFormat(format)
    await using workspace = await openWorkspace(context)
    const { store } = workspace
    const image = await readImage(
      store.blobs,
      (await findImage(store, text)).descriptor,
      platform === undefined ? undefined : parsePlatform(platform),
    )
    const steps = recordedBuild(store, image.manifest.config.digest)
    if (steps === undefined)
      throw new TsbuildError('BUILD_UNKNOWN', `${text} was not built in this store`, {
        hint: 'a pulled image does not say how it was made',
      })
    const cache = new StepCache(store)
    const asked = chosen(steps, step)
    const found = await Promise.all(asked.map(async ({ name, key }) => explainedBy(name, await cache.find(key))))
    context.print(format === 'json' ? explainJson(found) : explainText(found))
    return 0
  },
)

/** All steps, those of that number (`[build 2/4]`), or those whose name has the text in it. Throws STEP_UNKNOWN. */
function chosen(steps: readonly RecordedStep[], text: string): readonly RecordedStep[] {
  const isChosen = /^\d+$/.test(text)
    ? (name: string) => /^\[(?:.* )?(\d+)\/\d+\]/.exec(name)?.[1] === text
    : (name: string) => name.includes(text)
  const found = steps.filter(({ name }) => isChosen(name))
  if (found.length > 0) return found
  throw new TsbuildError('STEP_UNKNOWN', `no step ${JSON.stringify(text)}`, {
    hint: `the steps are ${steps.map(({ name }) => name).join('; ')}`,
  })
}

/** Of a record that is gone nothing is known but that. */
function explainedBy(name: string, record: StepRecord | undefined): Explained {
  return { name, cause: record?.made?.cause ?? { part: 'pruned' } }
}
