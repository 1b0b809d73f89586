#!/usr/bin/env bash
# Everything a checkout needs, each only when it is missing or out of date: Debian packages, npm packages, the native parts, the program.
#   bash scripts/setup.sh          what the program and the demo need
#   bash scripts/setup.sh --test   also what the tests use
# Under a second when there is nothing to do. TSBUILD_NO_APT=1 goes on with the packages that are here.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin # setcap lives there, and an ordinary user's PATH leaves it out
source scripts/packages.sh
source scripts/stamp.sh

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# timed TEXT COMMAND...: says what it does, and then how long it took
timed() {
  local text=$1 from=$SECONDS
  shift
  say "$text"
  "$@" || return
  say "  done in $((SECONDS - from)) s"
}

check_node() {
  command -v node >/dev/null || fail 'node is not installed. tsbuild needs Node.js 20.19 or later (22.12 or later of 22, or 24 and up)'
  command -v npm >/dev/null || fail 'npm is not installed. It comes with Node.js; on Debian it may be a package of its own'
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  if ((major == 20 && minor >= 19 || major == 22 && minor >= 12 || major >= 24)); then return; fi
  fail "node $version is too old or not supported. tsbuild needs 20.19 or later of 20, 22.12 or later of 22, or 24 and up ($(command -v node))"
}

# Two set-ups at once would write the same files; the second waits, and then finds everything done.
take_lock() {
  { mkdir -p .cache && exec 9>.cache/setup.lock; } 2>/dev/null || fail "cannot write in $PWD. Run the set-up as the owner of the checkout"
  flock --nonblock 9 && return
  say 'another set-up is at work here, waiting for it'
  flock 9
}

# Prints how to become root for apt ("" when already), or fails.
root_prefix() {
  if [ "$(id -u)" = 0 ]; then return; fi
  sudo --non-interactive true 2>/dev/null && echo 'sudo --non-interactive'
}

apt_install() {
  local prefix=$1 log=.cache/apt.log apt
  shift
  # A dpkg that is busy elsewhere is waited for; no package may ask a question.
  apt="$prefix env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300"
  if ! { $apt update && $apt install --no-install-recommends "$@"; } </dev/null >"$log" 2>&1 9>&-; then
    tail -n 20 "$log" >&2
    return 1
  fi
}

# Debian starts the service of a package when it installs it. Only the program is wanted.
stop_registry_service() {
  case " $* " in *' docker-registry '*) ;; *) return 0 ;; esac
  [ -d /run/systemd/system ] || return 0
  say '  the docker-registry service that came with the package is switched off, tests start their own'
  $(root_prefix) systemctl disable --now docker-registry >/dev/null 2>&1 || true
}

apt_step() {
  local missing names prefix
  missing=$(missing_packages "$1")
  [ -n "$missing" ] || return 0
  mapfile -t names < <(cut -f1 <<<"$missing")
  say 'these Debian packages are missing:'
  while IFS=$'\t' read -r package why; do printf 'setup:   %-16s %s\n' "$package" "$why" >&2; done <<<"$missing"
  if [ -n "${TSBUILD_NO_APT:-}" ]; then say 'going on without them (TSBUILD_NO_APT)'; return 0; fi
  command -v apt-get >/dev/null || fail 'there is no apt-get here. Install them in the way of this system, then run this again with TSBUILD_NO_APT=1'
  if ! prefix=$(root_prefix); then
    say 'installing needs root. Run this line as root, then the same command again:'
    say "  apt-get update && apt-get install -y --no-install-recommends ${names[*]}"
    fail '(or go on without them: TSBUILD_NO_APT=1)'
  fi
  timed "installing ${names[*]}" apt_install "$prefix" "${names[@]}" || fail 'apt-get failed, see above'
  stop_registry_service "${names[@]}"
}

npm_step() {
  local stamp=node_modules/.setup-stamp hash
  hash=$(hash_of package-lock.json -- "$(uname -m)")
  if is_done "$stamp" "$hash"; then return; fi
  # A link is somebody's choice to share the packages of another checkout; npm ci would empty that one.
  if [ -L node_modules ]; then say 'node_modules is a link: taken as it is'; return; fi
  timed 'installing the npm packages of package-lock.json' npm ci --ignore-scripts --no-audit --no-fund --loglevel=error 9>&-
  echo "$hash" >"$stamp"
}

# build-native.sh keeps a stamp of its own, because it is also run by itself, and decides. Here it is only said what may take a minute.
native_step() {
  local stamp=native/build/stamp
  if [ -e "$stamp" ] && [ -z "$(find native/src native/binding.gyp -newer "$stamp" -print -quit)" ]; then
    bash scripts/build-native.sh 9>&-
  else
    timed 'compiling the native parts (C++)' bash scripts/build-native.sh 9>&-
  fi
}

# Compiled beside the old output and then put in its place: a failed build leaves the last good one, and no file of a deleted source stays.
compile() {
  rm -rf dist.new dist.old
  node_modules/.bin/tsc -p . --outDir dist.new || return
  node scripts/bundle.mjs dist.new || return
  if [ -e dist ]; then mv dist dist.old; fi
  mv dist.new dist
  rm -rf dist.old
}

program_step() {
  local stamp=dist/.setup-stamp hash
  hash=$(hash_of cli builder registry snapshotter native/*.ts native/requests fixtures test bench scripts tsconfig.json package.json package-lock.json -- "$(node --version)")
  if is_done "$stamp" "$hash"; then return; fi
  timed 'compiling the program (TypeScript)' compile 9>&-
  echo "$hash" >"$stamp"
}

main() {
  local packages=$RUN_PACKAGES
  case ${1:-} in
    '') ;;
    --test) packages+=$TEST_PACKAGES ;;
    *) fail "unknown option: $1 (there is only --test)" ;;
  esac
  take_lock
  check_node
  apt_step "$packages"
  npm_step
  native_step
  program_step
}

main "$@"
