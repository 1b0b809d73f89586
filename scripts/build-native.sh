#!/usr/bin/env bash
# Builds the native parts into native/build/Release: the addon for Node, and the helper that runs the steps. Nothing is downloaded.
# A second run with nothing changed does nothing. TSBUILD_NATIVE=require: fail instead of using a slower codec.
set -euo pipefail
cd "$(dirname "$0")/.."
out=native/build/Release
log=native/build.log

stamp_now() {
  {
    uname -m
    command -v node "${CXX:-g++}" || true
    echo "${GYP_DEFINES:-} ${TSBUILD_NATIVE:-}"
    grep '"version"' package.json
    # the headers of the codecs: installing or removing a package changes what is built
    ls -d /usr/include/libdeflate.h /usr/include/zlib.h /usr/include/zstd.h /usr/include/bzlib.h /usr/include/lzma.h 2> /dev/null || true
    find native/src native/binding.gyp native/nodedir node_modules/node-api-headers/package.json node_modules/node-addon-api/package.json scripts/build-native.sh scripts/probe.sh scripts/seccomp.mjs -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -c1-32
}

stamp=$(stamp_now)
if [ -x $out/tsbuild-sandbox ] && [ -e $out/tsbuild_addon.node ] && [ "$(cat native/build/stamp 2> /dev/null)" = "$stamp" ]; then exit 0; fi

die() {
  echo "build-native: $1" >&2
  exit 1
}
command -v "${CXX:-g++}" > /dev/null || die "no C++ compiler; run: apt-get install --no-install-recommends g++ make python3"
command -v make > /dev/null || die "make is missing; run: apt-get install --no-install-recommends make"
command -v python3 > /dev/null && python3 -c 'import shlex, json, logging' 2> /dev/null ||
  die "node-gyp needs the whole of python3 (python3-minimal is too little); run: apt-get install --no-install-recommends python3"
[ -e node_modules/node-gyp/bin/node-gyp.js ] || die "node_modules is missing; run: npm ci --ignore-scripts"

missing=()
for library in deflate:libdeflate.h:libdeflate.a:libdeflate-dev zlib:zlib.h:libz.a:zlib1g-dev zstd:zstd.h:libzstd.a:libzstd-dev bzip2:bzlib.h:libbz2.a:libbz2-dev xz:lzma.h:liblzma.a:liblzma-dev; do
  IFS=: read -r name header archive package <<< "$library"
  case " ${GYP_DEFINES:-} " in
    *" have_$name=0 "*) missing+=("$package") ;;
    *) if [ "$(bash scripts/probe.sh "$header" "$archive")" = 0 ]; then missing+=("$package"); fi ;;
  esac
done
if [ ${#missing[@]} -gt 0 ]; then
  advice="apt-get install --no-install-recommends ${missing[*]}"
  [ "${TSBUILD_NATIVE:-}" != require ] || die "missing ${missing[*]}; run: $advice"
  echo "build-native: without ${missing[*]}: gzip is slower, or zstd, bzip2 or xz are refused; for the full codecs run: $advice" >&2
  case " ${missing[*]} " in *" zlib1g-dev "*)
    [ -e node_modules/zlib-sync/deps/zlib/inflate.c ] || die "neither zlib1g-dev nor the sources in node_modules/zlib-sync are here; run: $advice"
    ;;
  esac
fi

nodedir=$PWD/native/nodedir # else node-gyp would fetch headers
mkdir -p native/build
if ! npm_config_nodedir="$nodedir" node node_modules/node-gyp/bin/node-gyp.js rebuild -C native --nodedir="$nodedir" --loglevel=error --jobs=2 > $log 2>&1; then
  tail -30 $log >&2
  die "the build failed; the whole output is in $log"
fi
rm -f $log
echo "$stamp" > native/build/stamp
./$out/tsbuild-sandbox --version
