import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import { formatPlatform } from '../../registry/oci/platform.ts'
import type { IdKind } from '../deps.ts'
import type { CopyOperation, MkdirOperation, Operation, RunOperation } from './graph.ts'

/**
 * The named parts of a key, each a short text or a digest. Two runs of a step are equal exactly when all parts are. Kept in the cache record, so that a
 * miss can say which part changed.
 *
 * Counted: the parent's ChainID (never a time or a path of this machine, so keys agree between machines), platform, and
 *   RUN   argv with SHELL, user, working directory, the environment and arguments it can see, network mode; that there is a single id, where it is so
 *   COPY  destination, --chown, --chmod, ADD or COPY, and the content digest of exactly the files chosen: names below each source, types, modes, link
 *         targets, bytes, xattrs, hard-link groups, owners. Not their mtime, not ENV.
 *   WORKDIR  path and user
 * Not counted: values of proxy variables and secrets, times, names of stages and of the context's folder.
 */
export type KeyParts = Readonly<Record<string, string>>

/** Changes when equal parts would no longer mean an equal result. */
const KEY_VERSION = '1'

export function keyOf(parts: KeyParts): Digest {
  const sorted = Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1))
  return digestOf(JSON.stringify([KEY_VERSION, sorted]))
}

/** What a key takes from outside the operation. */
export interface KeyInputs {
  /** ChainID of the file system the operation goes on with; 'scratch' for none. */
  readonly parent: string
  /** Digest of the files that a COPY chose. */
  readonly content?: Digest | undefined
  /** Of a RUN. */
  readonly idKind?: IdKind
}

export function keyParts(operation: Exclude<Operation, { kind: 'source' }>, { parent, content, idKind = '' }: KeyInputs): KeyParts {
  const common = { operation: operation.kind, parent, platform: formatPlatform(operation.platform) }
  switch (operation.kind) {
    case 'run':
      return { ...common, ...runParts(operation), ...(idKind !== '' && { ids: idKind }) }
    case 'copy':
      return { ...common, ...copyParts(operation), content: content ?? '' }
    case 'mkdir':
      return { ...common, ...mkdirParts(operation) }
  }
}

function runParts(operation: RunOperation): KeyParts {
  const parts: Record<string, string> = {
    command: JSON.stringify(operation.argv),
    user: operation.user,
    workdir: operation.cwd,
    network: operation.network,
  }
  for (const variable of operation.env) {
    const equals = variable.indexOf('=')
    parts[`env ${variable.slice(0, equals)}`] = digestOf(variable.slice(equals + 1))
  }
  return parts
}

function copyParts(operation: CopyOperation): KeyParts {
  return {
    instruction: operation.add ? 'ADD' : 'COPY',
    destination: operation.destination,
    chown: operation.chown ?? '',
    chmod: operation.chmod ?? '',
    ...(operation.unpack !== undefined && { unpack: String(operation.unpack) }),
  }
}

function mkdirParts(operation: MkdirOperation): KeyParts {
  return { path: operation.path, user: operation.user }
}
