# What a test run left behind: processes and mounts. Sourced by test.sh.

# pids_of MARK [USER]: of the processes that were started with MARK in their environment, or run a program out of the copy that the tests
# run from, or run with a uid of USER's, his subordinate ones included. (A RUN step has another environment and other uids than its starter.)
pids_of() {
  local mark=$1 user=${2:-} self=-1 first=-1 count=0
  if [ -n "$user" ]; then
    self=$(id -u "$user")
    IFS=: read -r _ first count < <(grep "^$user:" /etc/subuid || echo '_:-1:0')
  fi
  {
    grep -lszxF -- "$mark" /proc/[0-9]*/environ | cut -d/ -f3
    stat -c %N /proc/[0-9]*/exe | awk -F/ -v program="-> '${work:?}/checkout/" 'index($0, program) { print $3 }'
    stat -c '%u/%n' /proc/[0-9]* | awk -F/ -v self="$self" -v first="$first" -v count="$count" '$1 == self || $1 >= first && $1 < first + count { print $4 }'
  } 2>/dev/null | sort -nu
}

# processes_of MARK [USER]: "pid<TAB>command line" of each that is alive
processes_of() {
  local pid
  for pid in $(pids_of "$@"); do
    ! is_alive "$pid" || printf '%s\t%s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-200)"
  done
}

# A zombie holds nothing any more: it waits for a parent to read its status.
is_alive() { grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; }

# end_leftovers MARK [USER]: waits two seconds for what is on its way out, kills the rest; prints what it had to kill
end_leftovers() {
  local found tries=0
  while found=$(processes_of "$@") && [ -n "$found" ] && ((tries++ < 10)); do sleep 0.2; done
  [ -n "$found" ] || return 0
  kill -KILL $(cut -f1 <<<"$found") 2>/dev/null || true
  sed 's/^/process /' <<<"$found"
}

# mounts_below FOLDER
mounts_below() { awk -v folder="$1/" 'index($5, folder) == 1 { print "mount " $5 }' /proc/self/mountinfo; }
