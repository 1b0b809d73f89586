#!/usr/bin/env bash
# Checks the sources, then runs the tests as the caller; when that is root, at the same time also as an ordinary user, for whom tsbuild is made.
#   bash scripts/test.sh [--long] [MOCHA OPTION | dist/test/FILE]...
# The last line is "N passed, N failed" over all runs; whatever a run leaves behind is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
umask 022
source scripts/test-user.sh
source scripts/leftovers.sh

# What behaves differently for somebody who is not root. The rest is the same code with the same rights, and runs once.
USER_TESTS=(e2e native snapshotter registry/store builder/steps builder/sources cli)
# From the caller's environment: the way to the network and the look of the output. Nothing else, so that tests mean the same everywhere.
KEEP=(CI TERM NO_COLOR http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS)

long= limit_minutes=15
if [ "${1:-}" = --long ]; then long=1 limit_minutes=180; shift; fi
mocha=(node --enable-source-maps node_modules/mocha/bin/mocha.js --no-color "$@")
[ -n "$long" ] || mocha+=(--ignore 'dist/test/**/*.long.test.js')
case " $* " in *' dist/'*) files_given=1 ;; *) files_given= ;; esac
specs=('dist/test/**/*.test.js')
[ -z "$files_given" ] || specs=()
passed=0 failed=0 deadline=0 summary=()
declare -A running # pid of each run, which leads a session, by the name it runs as

say() { printf '\n== %s\n' "$*"; }

# A real disk: overlayfs has no upper layer on some file systems, and a tmpfs counts as memory.
work_folder() {
  local base
  for base in "${TSBUILD_TEST_TMP:-}" /var/tmp /tmp; do
    [ -d "$base" ] && [ "$(stat -f -c %T "$base")" != tmpfs ] && break
  done
  mktemp -d "${base:-/tmp}/tsbuild-test.XXXXXX"
}

# environment_for NAME: one NAME=VALUE a line. Home, state and temporary files lie in $work/NAME.
environment_for() {
  local own=$work/$1 name
  printf '%s\n' "PATH=$work/bin:$PATH" "HOME=$own/home" "USER=$1" "LOGNAME=$1" SHELL=/bin/sh LANG=C.UTF-8 "TMPDIR=$own/tmp" \
    "XDG_RUNTIME_DIR=$own/run" "TSBUILD_ROOT=$own/store" TSBUILD_NATIVE=require "TSBUILD_TEST_RUN=$work" ${long:+TSBUILD_LONG=1}
  for name in "${KEEP[@]}"; do [ -z "${!name:-}" ] || printf '%s=%s\n' "$name" "${!name}"; done
}

# stop NAME: ends a run, with all of its session
stop() {
  kill -KILL -- "-${running[$1]}" 2>/dev/null || true
}

clean_up() {
  local name
  for name in "${!running[@]}"; do stop "$name"; done
  end_leftovers "TSBUILD_TEST_RUN=$work" >/dev/null
  rm -rf --one-file-system "$work" 2>/dev/null || unshare --map-auto --map-root-user rm -rf --one-file-system "$work" 2>/dev/null || true
}

# count WORD LOG: the N of mocha's last "  N WORD" line
count() { grep -oE "^ +[0-9]+ $1" "$2" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }

# start_tests NAME [PREFIX...]: mocha on $specs in the copy as NAME, in the background
start_tests() {
  local name=$1 env
  shift
  deadline=$((SECONDS + limit_minutes * 60))
  mapfile -t env < <(environment_for "$name")
  (cd "$work/checkout" && exec setsid "$@" env -i "${env[@]}" "${mocha[@]}" "${specs[@]}") </dev/null >"$work/$name.log" 2>&1 &
  running[$name]=$!
}

# finish_tests NAME: shows what they say to their end, and adds to the sums
finish_tests() {
  local name=$1 log=$work/$1.log status=0
  say "tests as $name"
  # Follows the log, not a pipe: a process that is left over would hold a pipe open, and this would wait for it.
  if ! timeout --foreground "$((SECONDS < deadline ? deadline - SECONDS : 1))" tail -n +1 -s 0.2 -f --pid="${running[$name]}" "$log" 2>/dev/null; then
    echo "The tests did not end within $limit_minutes minutes."
    stop "$name"
  fi
  { wait "${running[$name]}"; } 2>/dev/null || status=$?
  stop "$name"
  add_up "$name" "$log" "$status"
}

# add_up NAME LOG STATUS
add_up() {
  local name=$1 log=$2 status=$3 pass fail skip
  pass=$(count passing "$log") fail=$(count failing "$log") skip=$(count pending "$log")
  local forgotten
  forgotten=$(find "$work/$name/tmp" -mindepth 1 -maxdepth 1 | wc -l)
  ((forgotten == 0)) || echo "Note: the tests as $name left $forgotten temporary files or folders."
  # mocha answers 0 when it found no test, and a crash has no count.
  if ((fail == 0 && (status != 0 || pass == 0))); then
    echo "The tests as $name ended with status $status and $pass passing."
    fail=1
  fi
  passed=$((passed + pass)) failed=$((failed + fail))
  summary+=("as $name: $pass passing, $fail failing, $skip pending")
}

# check_leftovers [USER]: after all runs
check_leftovers() {
  local left
  left=$(end_leftovers "TSBUILD_TEST_RUN=$work" "$@"; mounts_below "$work")
  [ -n "$left" ] || return 0
  printf 'Left behind by the tests:\n%s\n' "$left"
  failed=$((failed + 1))
}

# Tests run from a copy that nobody writes to: the checkout may lie where the ordinary user may not look (below /root), and may be worked in
# meanwhile.
copy_checkout() {
  local name
  mkdir "$work/checkout"
  for name in * .mocharc.json; do cp -a --reflink=auto "$(readlink -f "$name")" "$work/checkout/$name"; done
  chmod -R a+rX,go-w "$work/checkout"
}

# prepare_folders NAME [OWNER]
prepare_folders() {
  install -d -m 0755 ${2:+-o "$2" -g "$2"} "$work/$1"
  install -d -m 0700 ${2:+-o "$2" -g "$2"} "$work/$1"/{home,run}
  install -d -m 0711 ${2:+-o "$2" -g "$2"} "$work/$1/tmp" # mmdebstrap goes through it with subordinate ids
}

# Test files of the folders named, without those that do not exist yet.
user_specs() {
  local room
  for room in "${USER_TESTS[@]}"; do [ ! -d "dist/test/$room" ] || printf 'dist/test/%s/**/*.test.js\n' "$room"; done
}

run_as_root_and_user() {
  mkdir -p /run/lock
  exec 8>/run/lock/tsbuild-test.lock
  flock --nonblock 8 || { say 'other tests run as the same user, waiting for them'; flock 8; }
  make_test_user
  node_for_test_user "$work/bin"
  prepare_folders root
  prepare_folders "$TEST_USER" "$TEST_USER"
  start_tests root
  [ -n "$files_given" ] || mapfile -t specs < <(user_specs)
  start_tests "$TEST_USER" "${AS_TEST_USER[@]}"
  finish_tests root
  finish_tests "$TEST_USER"
  check_leftovers "$TEST_USER"
}

main() {
  say 'npm run check'
  if ! npm run --silent check; then printf '\n0 passed, 1 failed\n'; exit 1; fi
  work=$(work_folder)
  chmod 0755 "$work"
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  copy_checkout
  if [ "$(id -u)" = 0 ]; then
    run_as_root_and_user
  else
    prepare_folders "$(id -un)"
    start_tests "$(id -un)"
    finish_tests "$(id -un)"
    check_leftovers
  fi
  printf '\n'
  printf '%s\n' "${summary[@]}"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}

main "$@"
