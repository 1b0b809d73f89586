import type { MountUse } from '../../builder/check/mounts.ts'
import type { Outline } from '../../builder/check/outline.ts'
import { printable } from '../printable.ts'
import { table } from '../table.ts'
import { GAP, jsonLocation, toJson } from './location.ts'

/** `--call=outline`: what can be given to a build of the target. */
export function outlineText({ name, description, args, mounts }: Outline): string {
  const head = `TARGET:      ${name ?? '(default)'}\n${description === undefined ? '' : `DESCRIPTION: ${printable(description)}\n`}`
  const rows = args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? ''].map(printable))
  const parts = [
    head,
    listed([['BUILD ARG', 'VALUE', 'DESCRIPTION'], ...rows]),
    mountTable('SECRET', ofKind(mounts, 'secret')),
    mountTable('SSH', ofKind(mounts, 'ssh')),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function ofKind(mounts: readonly MountUse[], kind: MountUse['kind']): readonly MountUse[] {
  return mounts.filter((mount) => mount.kind === kind)
}

function mountTable(title: string, mounts: readonly MountUse[]): string {
  return listed([[title, 'REQUIRED'], ...mounts.map(({ id, required }) => [printable(id), required ? 'true' : ''])])
}

export function outlineJson({ name, description, args, mounts }: Outline, source: Uint8Array): string {
  const uses = (kind: MountUse['kind']) =>
    ofKind(mounts, kind).map(({ id, required, at }) => ({ name: id, required: required || undefined, location: jsonLocation(at) }))
  return toJson({
    name,
    description,
    args: args.map((arg) => ({ name: arg.name, description: arg.description, value: arg.value, location: jsonLocation(arg.at) })),
    secrets: uses('secret'),
    ssh: uses('ssh'),
    cache: ofKind(mounts, 'cache').map(({ id, at }) => ({ ID: id, location: jsonLocation(at) })),
    sources: [Buffer.from(source).toString('base64')],
  })
}

/** Nothing for titles alone. */
function listed(rows: readonly (readonly string[])[]): string {
  return rows.length < 2 ? '' : table(rows, GAP)
}
