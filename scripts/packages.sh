# Debian packages, and how to see that one is not needed. Sourced by setup.sh.
# check: a command name; a path (may hold *); or a function of this file followed by ()

# check                    package          why
RUN_PACKAGES='
g++                        g++              compiles the native parts
make                       make             node-gyp drives the compiler through it
full_python()              python3          node-gyp is written in it (python3-minimal is not enough)
/usr/include/libdeflate.h  libdeflate-dev   gzip of layers, linked statically
/usr/include/zstd.h        libzstd-dev      zstd of layers, linked statically
/usr/include/zlib.h        zlib1g-dev       foreign gzip as a stream, linked statically
/usr/include/bzlib.h       libbz2-dev       bzip2 archives in ADD, linked statically but in the addon
/usr/include/lzma.h        liblzma-dev      xz archives in ADD, linked statically
newuidmap                  uidmap           lets an ordinary user have more than one id inside a build
static_busybox()           busybox-static   the base image of the demo and of most tests
/etc/ssl/certs/ca-certificates.crt  ca-certificates  registries over https
'
TEST_PACKAGES='
skopeo                     skopeo           reads and copies the images we write
umoci                      umoci            unpacks them
buildah                    buildah          builds the same Dockerfiles, to compare
podman                     podman           runs the images
runc                       runc             what podman and buildah run containers with, as root
crun                       crun             and as an ordinary user
docker-registry            docker-registry  the registry to push to and pull from
mmdebstrap                 mmdebstrap       makes the Debian base images
arch-test                  arch-test        mmdebstrap asks it what can be executed
qemu-aarch64-static        qemu-user-static runs programs of other architectures
setfattr                   attr             extended attributes in test trees
setcap                     libcap2-bin      file capabilities in test trees
zstd                       zstd             layers that others compressed, and a reader of ours
bzip2                      bzip2            archives for ADD
xz                         xz-utils         archives for ADD
headless_chromium()        chromium-headless-shell  shows the pages of build --report
'

full_python() { python3 -c 'import shlex, json, logging' 2>/dev/null; }

static_busybox() { [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; }

# Ubuntu has it as a snap only, which apt cannot bring: there the tests that need it say so and are skipped.
headless_chromium() {
  command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || ! grep -qx 'ID=debian' /etc/os-release
}

# is_there CHECK
is_there() {
  case $1 in
    *'()') "${1%'()'}" ;;
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# missing_packages TABLE: one "package<TAB>why" a line
missing_packages() {
  local check package why
  while read -r check package why; do
    [ -z "$check" ] || is_there "$check" || printf '%s\t%s\n' "$package" "$why"
  done <<<"$1"
}
