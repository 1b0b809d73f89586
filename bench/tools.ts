import { join } from 'node:path'
import type { Job } from './measure.ts'

/** A builder under test: the same work as command lines. `state` is a folder of its own, fresh for cold runs. */
export interface Tool {
  readonly name: string
  build(options: { readonly state: string; readonly context: string; readonly tag: string; readonly noCache?: boolean }): Job
  push(options: { readonly state: string; readonly tag: string; readonly destination: string }): Job
  /** Makes the base image of an OCI layout known under a name. */
  load(options: { readonly state: string; readonly layout: string; readonly tag: string }): Job
  /** Removes what a state folder holds, whoever owns it. */
  clear(state: string): Job
}

export function tsbuild(program: string, user: string | undefined): Tool {
  const job = (state: string, ...words: string[]): Job => ({ argv: [program, ...words], env: { TSBUILD_ROOT: state }, user })
  return {
    name: user === undefined ? 'tsbuild root' : 'tsbuild rootless',
    build: ({ state, context, tag, noCache }) =>
      job(state, 'build', '--progress=plain', ...(noCache ? ['--no-cache'] : []), '-t', tag, context),
    push: ({ state, tag, destination }) => job(state, 'push', tag, destination),
    load: ({ state, layout, tag }) => job(state, 'pull', `oci:${layout}`, '--name', tag),
    clear: (state) => job(state, 'prune', '--all', '--force'),
  }
}

export function buildah(user: string | undefined): Tool {
  const job = (state: string, ...words: string[]): Job => ({
    argv: ['buildah', '--storage-driver=overlay', '--root', join(state, 'root'), '--runroot', join(state, 'run'), ...words],
    env: { BUILDAH_RUNTIME: 'runc' },
    user,
  })
  return {
    name: user === undefined ? 'buildah root' : 'buildah rootless',
    build: ({ state, context, tag, noCache }) =>
      job(state, 'bud', '--layers', '--runtime=runc', '--tls-verify=false', ...(noCache ? ['--no-cache'] : []), '-t', tag, context),
    push: ({ state, tag, destination }) => job(state, 'push', '--tls-verify=false', tag, `docker://${destination}`),
    load: ({ state, layout, tag }) => ({
      argv: ['skopeo', 'copy', `oci:${layout}`, `containers-storage:[overlay@${join(state, 'root')}+${join(state, 'run')}]${tag}`],
      user,
    }),
    clear: (state) => {
      const remove =
        'buildah --storage-driver=overlay --root "$0/root" --runroot "$0/run" rm -a >/dev/null 2>&1; umount "$0/root/overlay" 2>/dev/null; rm -rf "$0/root" "$0/run"'
      return { argv: [...(user === undefined ? [] : ['buildah', 'unshare']), 'sh', '-c', remove, state], user }
    },
  }
}
