# Stamps: what a set-up step was last done for, kept inside what it made, so deleting that forgets the stamp too. Sourced by setup.sh.

# files_of PATH...: the source files below, one a line. git knows which files count; without git, or in somebody else's checkout, find does.
files_of() {
  git ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null ||
    find "$@" \( -name node_modules -o -name dist -o -path native/build \) -prune -o -type f -print 2>/dev/null || true
}

# hash_of PATH... [-- WORD...]: one hash over the names and contents of the files below, and over the words
hash_of() {
  local paths=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do paths+=("$1"); shift; done
  # A listed file may be gone already (deleted, not yet committed): its absence changes the hash, its message is noise.
  { files_of "${paths[@]}" | LC_ALL=C sort | tr '\n' '\0' | xargs -0 -r sha256sum 2>/dev/null || true; printf '%s\n' "$@"; } | sha256sum | cut -c1-32
}

# is_done STAMP HASH
is_done() { [ -e "$1" ] && [ "$(<"$1")" = "$2" ]; }
