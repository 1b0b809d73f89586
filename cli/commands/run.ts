import { hasCode, TsbuildError } from '../../registry/oci/error.ts'
import { parsePlatform, platformOfArch } from '../../registry/oci/platform.ts'
import { networkOf } from '../build-options.ts'
import { command } from '../context.ts'
import { printFailure } from '../failure.ts'
import { connectionFlags, connectionOptions } from '../flags.ts'
import { runImage } from '../run-image.ts'
import { openWorkspace } from '../wire.ts'

/** As `docker run`: the command's own status, 125 when tsbuild failed, 126 when it cannot be executed, 127 when it is not there, 128 + n for signal n. */
export const run = command(
  {
    path: ['run'],
    summary:
      "Runs a command in an image with the image's configuration; what it changes is thrown away. Exit status as that of docker run.",
    operands: [
      { name: '<image>', help: 'name, digest or unique prefix of a local image; another name is fetched' },
      { name: '[command...]', help: "instead of the image's CMD" },
    ],
    passThrough: true,
    flags: {
      ...connectionFlags,
      env: { kind: 'list', short: 'e', value: 'name=value', help: 'set a variable; without a value that of the environment' },
      user: { kind: 'string', short: 'u', value: 'user', help: "instead of the image's USER" },
      workdir: { kind: 'string', short: 'w', value: 'path', help: "instead of the image's WORKDIR" },
      entrypoint: { kind: 'string', value: 'program', help: "instead of the image's ENTRYPOINT" },
      platform: {
        kind: 'string',
        value: 'os/arch',
        help: 'which image of an index; an emulator runs other architectures (default: this machine)',
      },
      network: { kind: 'string', value: 'mode', help: 'host (default) or none' },
      interactive: { kind: 'boolean', short: 'i', help: '', ignored: 'standard input is always passed on' },
      tty: { kind: 'boolean', short: 't', help: '', ignored: 'the command gets pipes, not a terminal' },
      rm: { kind: 'boolean', help: '', ignored: 'nothing is kept' },
    },
    unsupported: [
      '-d, --detach',
      '-m, --memory',
      '-p, --publish',
      '-v, --volume',
      'add-host',
      'cap-add',
      'cap-drop',
      'cpus',
      'device',
      'dns',
      'env-file',
      'hostname',
      'init',
      'mount',
      'name',
      'privileged',
      'pull',
      'read-only',
      'restart',
      'security-opt',
      'shm-size',
      'tmpfs',
      'ulimit',
      'userns',
    ],
  },
  async (options, [image = '', ...argv], context) => {
    try {
      await using workspace = await openWorkspace(context, connectionOptions(options, [image]))
      const { env, user, workdir, entrypoint, platform } = options
      const variables = env.flatMap((item) =>
        item.includes('=') ? [item] : context.env[item] === undefined ? [] : [`${item}=${context.env[item]}`],
      )
      const request = {
        image,
        argv,
        env: variables,
        user,
        workdir,
        entrypoint,
        network: networkOf(options.network),
        platform: platform === undefined ? platformOfArch(process.arch) : parsePlatform(platform),
      }
      const { exit, signal } = await runImage(request, workspace, context)
      return signal === 0 ? exit : 128 + signal
    } catch (error) {
      if (context.signal.aborted || hasCode(error, 'USAGE') || !(error instanceof TsbuildError)) throw error
      printFailure(error, context)
      return hasCode(error, 'RUN_NO_COMMAND') ? (hasCode(error.cause, 'ENOENT') ? 127 : 126) : 125
    }
  },
)
