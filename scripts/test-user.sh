# The ordinary user that tests run as when the caller is root. Sourced by test.sh.
TEST_USER=tsbuild-test

# Makes the user, with 65,536 subordinate uids and gids, unless he is there.
make_test_user() {
  if ! id -u "$TEST_USER" >/dev/null 2>&1; then
    useradd --user-group --create-home --shell /bin/bash "$TEST_USER"
  fi
  give_range /etc/subuid --add-subuids
  give_range /etc/subgid --add-subgids
}

# give_range FILE OPTION: a range after all that are handed out
give_range() {
  local file=$1 option=$2 first
  grep -q "^$TEST_USER:" "$file" 2>/dev/null && return
  first=$(awk -F: 'BEGIN { first = 100000 } $2 + $3 > first { first = $2 + $3 } END { print first }' "$file" 2>/dev/null || echo 100000)
  usermod "$option" "$first-$((first + 65535))" "$TEST_USER"
}

# Before a command: runs it as him, with none of the caller's rights
AS_TEST_USER=(setpriv --reuid="$TEST_USER" --regid="$TEST_USER" --init-groups --inh-caps=-all)

# node_for_test_user FOLDER: puts there a `node` that he can run
node_for_test_user() {
  local node
  node=$(readlink -f "$(command -v node)")
  mkdir -p "$1"
  if "${AS_TEST_USER[@]}" test -x "$node"; then ln -s "$node" "$1/node"; else cp "$node" "$1/node"; fi
}
