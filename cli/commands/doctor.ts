import { prepareRoot, storeRoot } from '../../registry/store/root.ts'
import { command } from '../context.ts'
import { isolationOf, probePlace, stackingOf } from '../isolation.ts'
import { openNative } from '../native-parts.ts'

/** What to do about a fact that does not hold; the smallest change that helps. */
const FIXES: Readonly<Record<string, string>> = {
  ids: 'give the user ranges: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, and install uidmap',
  'user namespace':
    'allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, or an AppArmor profile for tsbuild-sandbox',
  overlay: 'put the store on ext4, xfs, btrfs or tmpfs with TSBUILD_ROOT; overlayfs in a user namespace needs Linux 5.11',
  'lowerdir+': 'Linux 6.8 or later mounts long chains of layers without a limit on their paths',
  'fresh proc': 'run the container with an unmasked /proc (--security-opt systempaths=unconfined)',
  seccomp: 'build the kernel with CONFIG_SECCOMP_FILTER',
  landlock: 'Linux 6.12 or later with landlock in lsm= closes abstract unix sockets of the host to steps',
  cgroup: 'nothing to do: limits of memory and processes are not used yet',
  keyring: 'nothing to do: steps then share the session keyring',
  tun: 'nothing to do: isolated networks are not used yet',
}

export const run = command(
  {
    path: ['doctor'],
    summary: 'Tells which isolation this machine allows, why not more, and the smallest fix.',
    operands: [],
    flags: { format: { kind: 'string', value: 'json', help: 'json: the facts as JSON' } },
  },
  async ({ format }, _operands, context) => {
    const core = await openNative(context)
    await using native = core.native
    void native
    await using helper = await core.startHelper()
    const root = storeRoot(context.env, context.uid)
    prepareRoot(root, context.uid)
    const facts = await probePlace(root, helper, core.native, context.signal)
    const isolation = isolationOf(facts, stackingOf(context.env.TSBUILD_STACKING))
    if (format === 'json') {
      context.print(
        `${JSON.stringify({ version: context.version, native: core.description, isolation: isolation.line, facts }, null, 2)}\n`,
      )
      return 0
    }
    context.print(
      `tsbuild ${context.version}, native ${core.description}\nstore ${storeRoot(context.env, context.uid)}\n${isolation.line}\n\n`,
    )
    for (const { name, ok, detail } of facts) {
      context.print(`${ok ? 'yes' : 'no '}  ${name}${detail === '' ? '' : `: ${detail}`}\n`)
      if (!ok && FIXES[name] !== undefined) context.print(`     ${FIXES[name]}\n`)
    }
    return 0
  },
)
