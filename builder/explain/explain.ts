import { type Digest, isDigest } from '../../registry/oci/digest.ts'
import type { MissCause } from '../../registry/oci/event.ts'
import { formatPlatform } from '../../registry/oci/platform.ts'
import type { Place } from '../../registry/store/place.ts'
import type { StepCache } from '../cache.ts'
import type { KeyParts } from '../plan/cache-key.ts'
import type { Operation, Step } from '../plan/graph.ts'
import type { ImportedCache } from '../shared-cache/import.ts'
import type { FileList } from '../steps/select.ts'
import { causeOf, type Wanted } from './cause.ts'
import { FileLists } from './file-lists.ts'
import { StepKin } from './kin.ts'
import { subjectsOf, traitsOf } from './traits.ts'

/** A step that has to be done, with the lists of the files that it takes. */
type Doing = Wanted & { readonly lists: readonly FileList[] }

/** What the explainer of a build works with. */
export interface ExplainerOptions {
  readonly place: Place
  readonly cache: StepCache
  readonly operations: readonly Operation[]
  /** Which Dockerfile it is. */
  readonly project: Digest
  /** Steps that others have done: of a store that has not built this yet they are its past. */
  readonly imported: ImportedCache | undefined
}

/** Says why steps of one build are not in the cache, and keeps what that takes the next time. Only for steps that have to be done. */
export class Explainer {
  readonly #options: ExplainerOptions
  readonly #lists: FileLists
  readonly #kin: StepKin

  constructor(options: ExplainerOptions) {
    this.#options = options
    this.#lists = new FileLists(options.place)
    const platforms = new Set(options.operations.map(({ platform }) => formatPlatform(platform)))
    this.#kin = new StepKin({ ...options, planned: subjectsOf(options.operations), platforms })
  }

  wanted(operation: Step, parts: KeyParts, lists: readonly FileList[]): Doing {
    const files = operation.kind === 'copy' ? lists[0]?.digest : undefined
    const traits = traitsOf(operation, this.#options.operations, this.#options.project, files)
    return { parts, traits, args: operation.kind === 'run' ? operation.args : new Set(), lists }
  }

  async cause(doing: Doing): Promise<MissCause> {
    const record = await this.#kin.nearest(doing)
    const textOf = (digest: string) =>
      doing.lists.find((list) => list.digest === digest)?.text ?? (isDigest(digest) ? this.#lists.read(digest) : undefined)
    return (record && causeOf(doing, record, textOf)) ?? { part: 'never-seen' }
  }

  /** After the step was done and recorded under `key`. */
  async keep(key: Digest, doing: Doing): Promise<void> {
    for (const list of doing.lists) await this.#lists.keep(list)
    await this.#kin.note(key, doing)
  }
}
