import { TsbuildError } from '../registry/oci/error.ts'
import { parseBoolean } from './booleans.ts'
import { connectionFlags, progressFlag } from './flags.ts'

export const buildFlags = {
  tag: { kind: 'list', short: 't', value: 'name', help: 'name of the image; may be repeated' },
  file: { kind: 'string', short: 'f', value: 'path', help: 'Dockerfile (default: Dockerfile in the context); - reads standard input' },
  'build-arg': { kind: 'list', value: 'name[=value]', help: 'value of an ARG; without a value that of the environment' },
  'build-context': {
    kind: 'list',
    value: 'name=value',
    help: 'folder, tar, git or http(s) URL, docker-image://ref or oci-layout://folder[:tag] that replaces what FROM and --from call so',
  },
  target: { kind: 'string', value: 'stage', help: 'stop after this stage' },
  label: { kind: 'list', value: 'name=value', help: 'label of the image; may be repeated' },
  'no-cache': { kind: 'optional', value: 'what', bare: 'all', help: 'do every step again, with empty cache mounts; =steps keeps those' },
  'no-cache-filter': { kind: 'list', value: 'stage', help: 'as --no-cache, for the steps of one stage; may be repeated' },
  'cache-from': {
    kind: 'list',
    value: 'spec',
    help: 'type=registry,ref=... or type=local,src=...: steps that others have done; may be repeated',
  },
  'cache-to': {
    kind: 'list',
    value: 'spec',
    help: 'type=registry,ref=..., type=local,dest=... or type=inline [,mode=max][,mounts=true][,ignore-error=true]: tell others the steps of this build',
  },
  secret: { kind: 'list', value: 'spec', help: 'id=name[,src=file][,env=variable]: for RUN --mount=type=secret' },
  ssh: { kind: 'list', value: 'spec', help: 'default, or id=socket, or id=key[,key]: for RUN --mount=type=ssh' },
  allow: {
    kind: 'list',
    value: 'what',
    help: 'security.insecure, device or device=name: what RUN --security=insecure and RUN --device ask for',
  },
  pull: {
    kind: 'optional',
    value: 'when',
    bare: 'always',
    help: 'always, missing (default), newer or never ask registries for base images',
  },
  platform: {
    kind: 'list',
    value: 'os/arch',
    help: 'platform of the image, or several by commas: an index of images (default: this machine)',
  },
  network: { kind: 'string', value: 'mode', help: 'network of RUN: host (default) or none' },
  'add-host': { kind: 'list', value: 'name:ip', help: 'further line of /etc/hosts in RUN; may be repeated' },
  'shm-size': { kind: 'string', value: 'size', help: 'size of /dev/shm in RUN (default 64m)' },
  ulimit: { kind: 'list', value: 'name=soft[:hard]', help: 'limit of processes in RUN; may be repeated' },
  jobs: { kind: 'string', value: 'n', help: 'steps at once (default: twice the number of cores, at least 4)' },
  output: {
    kind: 'list',
    short: 'o',
    value: 'spec',
    help: 'type=image|registry|oci|docker|local|tar[,dest=path or -][,name=...]; or a folder',
  },
  push: { kind: 'boolean', help: 'push the image under its names: --output type=registry' },
  iidfile: { kind: 'string', value: 'file', help: 'write the image ID there' },
  'metadata-file': { kind: 'string', value: 'file', help: 'write digests and names there, as JSON' },
  report: { kind: 'string', value: 'file', help: 'write a page about the build there, as HTML: timeline, causes, sizes, transfers' },
  check: { kind: 'boolean', help: 'check the Dockerfile and run nothing: --call=check' },
  call: {
    kind: 'string',
    value: 'method',
    help: 'build (default), check, outline, targets or subrequests.describe; [,format=json]',
  },
  progress: progressFlag,
  explain: {
    kind: 'optional',
    value: 'format',
    bare: 'text',
    help: 'tell at the end of every step whether and why it was done; =json as JSON',
  },
  quiet: { kind: 'boolean', short: 'q', help: 'print the image ID only' },
  ...connectionFlags,
  load: { kind: 'boolean', help: '', ignored: 'the image is in the local store already' },
  rm: { kind: 'boolean', help: '', ignored: 'no container is left behind' },
  'force-rm': { kind: 'boolean', help: '', ignored: 'no container is left behind' },
  compress: { kind: 'boolean', help: '', ignored: 'the context is read in place' },
  builder: { kind: 'string', value: 'name', help: '', ignored: 'there is one builder, this program' },
  provenance: { kind: 'optional', value: 'mode', bare: 'true', help: 'attestations: false', hidden: true },
  sbom: { kind: 'optional', value: 'mode', bare: 'true', help: 'attestations: false', hidden: true },
} as const

/** Flags of docker build, buildx and buildah that ask for what is not done yet: silence would be a lie. */
export const UNSUPPORTED_BUILD_FLAGS = [
  'annotation',
  'attest',
  'authfile',
  'cap-add',
  'cap-drop',
  'cgroup-parent',
  'cpu-period',
  'cpu-quota',
  '-c, --cpu-shares',
  'cpuset-cpus',
  'cpuset-mems',
  'creds',
  'debug',
  'device',
  'dns',
  'env',
  'format',
  'from',
  'ignorefile',
  'isolation',
  'layers',
  'manifest',
  '-m, --memory',
  'memory-swap',
  'policy',
  'security-opt',
  'squash',
  'timestamp',
  'unsetenv',
  'userns',
  '-v, --volume',
] as const

/** Throws USAGE for an attestation that is asked for: none is made yet. */
export function refuseAttestations(options: { readonly provenance: string | undefined; readonly sbom: string | undefined }): void {
  for (const name of ['provenance', 'sbom'] as const) {
    const value = options[name]
    if (value !== undefined && parseBoolean(value) !== false)
      throw new TsbuildError('USAGE', `--${name}=${value}: attestations are not supported yet`, {
        hint: `leave it out, or write --${name}=false`,
      })
  }
}
