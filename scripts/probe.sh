#!/usr/bin/env bash
# Prints 1 when a static program can be made with header $1 and library archive $2, else 0.
set -u
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
printf '#include <stddef.h>\n#include <%s>\nint main() { return 0; }\n' "$1" > "$folder/a.cc"
if ${CXX:-g++} -static "$folder/a.cc" -l:"$2" -o "$folder/a" 2> /dev/null; then printf 1; else printf 0; fi
