import { type Digest, digestOf } from '../../registry/oci/digest.ts'
import { formatPlatform } from '../../registry/oci/platform.ts'
import type { IdKind } from '../deps.ts'
import {
  type CopyOperation,
  DEFAULT_HOSTNAME,
  type MkdirOperation,
  type MountOwner,
  type Operation,
  type RunMount,
  type RunOperation,
} from './graph.ts'

/**
 * The named parts of a key, each a short text or a digest. Two runs of a step are equal exactly when all parts are. Kept in the cache record, so that a
 * miss can say which part changed.
 *
 * Counted: the parent's ChainID (never a time or a path of this machine, so keys agree between machines), platform, and
 *   RUN   argv with SHELL, user, working directory, the environment and arguments it can see, network and security mode, host name, limits, names of devices,
 *         mounts (what a bind shows by its content; caches, secrets and sockets by their ids, modes and owners), its script; that there is a single id, where
 *         it is so
 *   COPY  destination, --chown, --chmod, whether archives are unpacked, and the content digest of exactly the files chosen: names below each source, types,
 *         modes, link targets, bytes, xattrs, hard-link groups, owners. Not their mtime, not ENV. With --link not the parent: it is as on scratch.
 *   WORKDIR  path and user
 * Not counted: values of proxy variables and secrets, times, names of stages and of the context's folder.
 */
export type KeyParts = Readonly<Record<string, string>>

/** Changes when equal parts would no longer mean an equal result. */
const KEY_VERSION = '3'

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
  /** Of a RUN: what each mount shows, by position; '' where that is not part of the key. */
  readonly shown?: readonly string[]
}

export function keyParts(
  operation: Exclude<Operation, { kind: 'source' }>,
  { parent, content, idKind = '', shown = [] }: KeyInputs,
): KeyParts {
  const common = { operation: operation.kind, parent, platform: formatPlatform(operation.platform) }
  switch (operation.kind) {
    case 'run':
      return { ...common, ...runParts(operation, shown), ...(idKind !== '' && { ids: idKind }) }
    case 'copy':
      return { ...common, ...(operation.link && { parent: 'scratch' }), ...copyParts(operation), content: content ?? '' }
    case 'mkdir':
      return { ...common, ...mkdirParts(operation) }
  }
}

function runParts(operation: RunOperation, shown: readonly string[]): KeyParts {
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
  if (operation.devices.length > 0) parts.devices = JSON.stringify(operation.devices.map(({ name }) => name))
  if (operation.insecure) parts.security = 'insecure'
  if (operation.hostname !== DEFAULT_HOSTNAME) parts.hostname = operation.hostname
  for (const { name, soft, hard } of operation.limits) parts[`limit ${name}`] = `${soft}:${hard}`
  if (operation.script !== undefined) parts.script = digestOf(operation.script.content)
  for (const [index, mount] of operation.mounts.entries()) parts[`mount ${index}`] = JSON.stringify(mountParts(mount, shown[index] ?? ''))
  return parts
}

function mountParts(mount: RunMount, shown: string): readonly (string | number | boolean | undefined)[] {
  const { kind, target, readOnly } = mount
  switch (mount.kind) {
    case 'bind':
      return [kind, target, readOnly, shown]
    case 'cache':
      return [kind, target, readOnly, mount.id, mount.source, shown, ...ownerParts(mount)]
    case 'tmpfs':
      return [kind, target, readOnly, mount.size]
    case 'secret':
      return [kind, target, mount.id, mount.env, ...ownerParts(mount)]
    case 'ssh':
      return [kind, target, mount.id, ...ownerParts(mount)]
  }
}

function ownerParts({ mode, uid, gid }: MountOwner): readonly number[] {
  return [mode, uid, gid]
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
