/** What to do about a fact of the probe that does not hold: the smallest change that helps. Facts with no row here are for information. */
export const FIXES: Readonly<Record<string, string>> = {
  ids: 'give the user ranges: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, and install uidmap',
  'user namespace':
    'allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, or an AppArmor profile for tsbuild-sandbox; in a container its seccomp profile must let them pass',
  proc: 'run the container with an unmasked /proc (--security-opt systempaths=unconfined)',
  overlay: 'put the store on ext4, xfs, btrfs or tmpfs with TSBUILD_ROOT; overlayfs in a user namespace needs Linux 5.11',
  'overlay lowerdir+ volatile': 'Linux 6.8 or later mounts long chains of layers without a limit on their paths',
  seccomp: 'build the kernel with CONFIG_SECCOMP_FILTER',
  emulation:
    'Linux 6.7 or later with CONFIG_BINFMT_MISC runs other architectures in a user namespace; before, root registers emulators for the whole machine: apt-get install qemu-user-static binfmt-support',
  landlock: 'Linux 6.12 or later with landlock in lsm= closes abstract unix sockets of the host to steps',
}

/** Facts that nothing depends on yet: without them nothing is missing. */
export const UNUSED: readonly string[] = ['cgroup', 'keyring', 'tun']
