import { bytesOfText } from '../native/wire.ts'
import { type ChainID, chainIDOf, nextChainID } from '../registry/oci/chain-id.ts'
import { layerFiles, viewOf } from './chain.ts'
import type { LayerRef } from './deps.ts'
import { newLayerFiles, packLayer, sealedLayer } from './layer.ts'
import type { Performance, Running } from './perform.ts'
import type { CopyOperation, MkdirOperation, RunOperation } from './plan/graph.ts'
import { LayersTree } from './sources/layers.ts'
import { resolveIn } from './sources/tree.ts'
import { type Chosen, copyEntries, findArchives, packSources } from './steps/copy.ts'
import { openMounts } from './steps/mounts.ts'
import { Placement } from './steps/place.ts'
import { runStep } from './steps/run.ts'
import { stepFiles } from './steps/step-files.ts'
import { readUserFiles } from './steps/user-files.ts'
import { chownOwner, stepUser } from './steps/users.ts'

type Step = CopyOperation | MkdirOperation | RunOperation

/** Does an operation over the layers of its inputs, whatever was done before. `chosen` is what a COPY takes. */
export async function makeLayer(
  operation: Step,
  inputs: readonly (readonly LayerRef[])[],
  chosen: Chosen | undefined,
  build: Performance,
  running: Running,
): Promise<LayerRef> {
  const parent = inputs[0] ?? []
  const { signal } = running
  switch (operation.kind) {
    case 'copy':
      if (chosen === undefined) throw new Error('a COPY has chosen its files by now')
      return copyLayer(operation, parent, chosen, build, signal)
    case 'mkdir':
      return mkdirLayer(operation, parent, build, signal)
    case 'run':
      return runLayer(operation, inputs, build, running)
  }
}

async function copyLayer(
  operation: CopyOperation,
  parent: readonly LayerRef[],
  chosen: Chosen,
  build: Performance,
  signal: AbortSignal,
): Promise<LayerRef> {
  const view = await viewOf(operation.link ? [] : parent, build.deps, signal)
  const target = new LayersTree(view, 'the image')
  const found = await findArchives(operation, chosen, build.deps, signal)
  const entries = await copyEntries(operation, found, target, () => readUserFiles(view, signal))
  return packLayer(entries, packSources(found), build.deps, signal)
}

async function mkdirLayer(
  operation: MkdirOperation,
  parent: readonly LayerRef[],
  build: Performance,
  signal: AbortSignal,
): Promise<LayerRef> {
  const view = await viewOf(parent, build.deps, signal)
  const target = new LayersTree(view, 'the image')
  const path = bytesOfText(operation.path)
  const isThere = (await target.at(await resolveIn(target, path))) !== undefined // and keeps its owner, so that the user need not exist
  const owner = operation.user === '' || isThere ? undefined : chownOwner(operation.user, await readUserFiles(view, signal))
  const placement = new Placement(target, { owner, chmod: undefined, time: { seconds: operation.time, nanoseconds: 0 } })
  await placement.directory(path)
  return packLayer(placement.entries(), { roots: [], blobs: [] }, build.deps, signal)
}

async function runLayer(
  operation: RunOperation,
  inputs: readonly (readonly LayerRef[])[],
  build: Performance,
  running: Running,
): Promise<LayerRef> {
  const { deps, network, imported } = build
  const emptied = build.ignoresCache(operation) ? build.emptied : undefined
  const { signal } = running
  const parent = inputs[0] ?? []
  const emulation = await deps.emulation(operation.platform)
  const snapshots = await deps.snapshots()
  // Before the view: unpacking a base makes the tables of contents that the view needs in the same pass.
  await using active = await snapshots.begin(await layerFiles(parent, deps, signal), signal)
  const view = await viewOf(parent, deps, signal)
  const user = stepUser(operation.user, await readUserFiles(view, signal))
  {
    await using open = await openMounts(operation, inputs, { deps, signal, slot: running.slot, emptied, imported })
    await runStep(operation, active, {
      step: String(operation.id),
      user,
      network,
      emulation,
      emit: deps.emit,
      settled: deps.settled,
      signal,
      open,
      files: stepFiles(view, signal),
    })
  }
  const files = await newLayerFiles(deps)
  const { codec, level } = deps.compression
  const sealed = await active.seal({ ...files, codec, level, threads: 0 }, signal)
  const layer = await sealedLayer(sealed, files, deps, signal)
  if (sealed.kind === 'layer') await active.keep(chainWith(parent, layer))
  return layer
}

function chainWith(parent: readonly LayerRef[], layer: LayerRef): ChainID {
  return nextChainID(chainIDOf(parent.map(({ diffID }) => diffID)), layer.diffID)
}
