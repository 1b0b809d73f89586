import { readFileSync } from 'node:fs'
import { type ChainID, nextChainID } from '../../registry/oci/chain-id.ts'
import { type Digest, hexOf, isDigest } from '../../registry/oci/digest.ts'
import { diskSize, filesBelow, type StoredFile } from '../../registry/store/cache-files.ts'
import { readRecord, type StepRecord } from '../cache.ts'

/** A step record of the store. */
export interface StoredStep {
  /** Hex digits of its key. */
  readonly key: string
  readonly path: string
  /** Of the record alone, on the disk. */
  readonly bytes: number
  /** Later than that of every step that goes on with it. */
  lastUsed: number
  readonly record: StepRecord
}

export interface StoredSteps {
  readonly steps: readonly StoredStep[]
  /** Files that are no records. */
  readonly damaged: readonly StoredFile[]
}

/** All records, damaged ones apart. */
export function storedSteps(root: string): StoredSteps {
  const steps: StoredStep[] = []
  const damaged: StoredFile[] = []
  for (const file of filesBelow(`${root}/cache/steps`)) {
    const record = readRecord(readFileSync(file.path))
    if (record === undefined) damaged.push(file)
    else steps.push({ key: file.name, path: file.path, bytes: diskSize(file.stat), lastUsed: file.stat.mtimeMs, record })
  }
  raiseParents(steps)
  return { steps, damaged }
}

/** A step is of use as long as one that goes on with it is: what is removed for its age goes from the end of a chain. */
function raiseParents(steps: readonly StoredStep[]): void {
  const byResult = grouped(steps, resultOf)
  for (const step of steps) {
    for (let raised = [step], next = raised.pop(); next !== undefined; next = raised.pop()) {
      const { lastUsed } = next
      const older = (byResult.get(String(next.record.parts.parent)) ?? []).filter((parent) => parent.lastUsed <= lastUsed)
      for (const parent of older) parent.lastUsed = lastUsed + 1
      raised.push(...older)
    }
  }
}

/** Items by what `keyOf` says of them. */
export function grouped<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** ChainID of the file system after the step, as the steps after it name it in their parts. */
function resultOf({ record: { parts, diffID } }: StoredStep): string {
  const { parent = 'scratch' } = parts
  return nextChainID(parent === 'scratch' ? undefined : (parent as ChainID), diffID)
}

/** Hex digits of the lists of files (`cache/lists`) that records name: of what a COPY took, and of what binds showed. */
export function listsOf(steps: readonly Pick<StoredStep, 'record'>[]): Set<string> {
  return new Set(steps.flatMap(({ record }) => [record.traits?.files, ...shownBy(record)]).flatMap(hexOfText))
}

/** `mountParts` of cache-key.ts: of a bind the fourth value is the digest of what it shows. */
function shownBy({ parts }: StepRecord): unknown[] {
  return Object.entries(parts).flatMap(([name, text]) => (/^mount \d+$/.test(name) ? valuesOf(text) : []))
}

function valuesOf(text: string): unknown[] {
  try {
    const values: unknown = JSON.parse(text)
    return Array.isArray(values) ? values : []
  } catch {
    return [] // of another release
  }
}

function hexOfText(text: unknown): string[] {
  return typeof text === 'string' && isDigest(text) ? [hexOf(text as Digest)] : []
}
