# What a test run left behind: processes and mounts. Sourced by test.sh.

# processes_of MARK [USER]: "pid<TAB>command line" of each process that was started with MARK in its environment, or is our helper,
# or runs with a uid of USER's, his subordinate ones included. (A RUN step has another environment and other uids than its starter.)
processes_of() {
  local mark=$1 user=${2:-} folder uid pid first=-1 count=0 self=-1
  if [ -n "$user" ]; then
    self=$(id -u "$user")
    IFS=: read -r _ first count < <(grep "^$user:" /etc/subuid)
  fi
  for folder in /proc/[0-9]*; do
    pid=${folder#/proc/}
    uid=$(stat -c %u "$folder" 2>/dev/null) || continue
    ((uid == self || uid >= first && uid < first + count)) || grep -qzxF "$mark" "$folder/environ" 2>/dev/null || is_our_helper "$folder" || continue
    is_alive "$pid" && printf '%s\t%s\n' "$pid" "$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null | cut -c1-200)"
  done
  return 0
}

# A program out of the copy that the tests run from, whatever environment it was given.
is_our_helper() { case $(readlink "$1/exe") in "${work:?}/checkout/"*) ;; *) return 1 ;; esac }

# A zombie holds nothing any more: it waits for a parent to read its status.
is_alive() { grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; }

# end_leftovers MARK [USER]: waits two seconds for what is on its way out, kills the rest; prints what it had to kill
end_leftovers() {
  local found tries=0
  while found=$(processes_of "$@") && [ -n "$found" ] && ((tries++ < 10)); do sleep 0.2; done
  [ -n "$found" ] || return 0
  cut -f1 <<<"$found" | xargs kill -KILL 2>/dev/null || true
  sed 's/^/process /' <<<"$found"
}

# mounts_below FOLDER
mounts_below() { awk -v folder="$1/" 'index($5, folder) == 1 { print "mount " $5 }' /proc/self/mountinfo; }
