# Builds build/Release/tsbuild_addon.node (one Node-API binary for Node 20 to 24) and build/Release/tsbuild-sandbox (static).
# Run by scripts/build-native.sh, which says what is missing. GYP_DEFINES="have_deflate=0" and the like force the fall-backs.
{
  "variables": {
    "have_deflate%": "<!(bash ../scripts/probe.sh libdeflate.h libdeflate.a)",
    "have_zlib%": "<!(bash ../scripts/probe.sh zlib.h libz.a)",
    "have_zstd%": "<!(bash ../scripts/probe.sh zstd.h libzstd.a)",
    "have_bzip2%": "<!(bash ../scripts/probe.sh bzlib.h libbz2.a)",
    "have_xz%": "<!(bash ../scripts/probe.sh lzma.h liblzma.a)",
    "tsbuild_version": "<!(node -p \"require('../package.json').version\")",
    "zlib_sources": "../node_modules/zlib-sync/deps/zlib"
  },
  "target_defaults": {
    "default_configuration": "Release",
    "cflags": ["-Wall", "-Wextra", "-Werror", "-O2", "-g0", "-fvisibility=hidden"],
    "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti"],
    "include_dirs": ["src"],
    "defines": ["TSBUILD_VERSION=\"<(tsbuild_version)\""],
    "conditions": [
      ["have_deflate==1", { "defines": ["TSBUILD_LIBDEFLATE"] }],
      ["have_zstd==1", { "defines": ["TSBUILD_ZSTD"] }],
      ["have_bzip2==1", { "defines": ["TSBUILD_BZIP2"] }],
      ["have_xz==1", { "defines": ["TSBUILD_XZ"] }],
      ["have_zlib==0", { "include_dirs": ["<(zlib_sources)"] }]
    ]
  },
  "targets": [
    {
      # What the addon and the helper share. Position independent for the addon's sake.
      "target_name": "tsbuild_layer",
      "type": "static_library",
      "sources": ["<!@(ls src/layer/*.cc src/common/*.cc)"],
      "cflags": ["-fPIC"],
      "direct_dependent_settings": {
        "ldflags": ["-pthread"],
        "conditions": [
          ["have_deflate==1", { "libraries": ["-l:libdeflate.a"] }],
          ["have_zstd==1", { "libraries": ["-l:libzstd.a"] }],
          # Debian's libbz2.a is not position independent: the addon takes the shared library, which dpkg needs anyway, static programs the archive.
          ["have_bzip2==1", { "libraries": ["-lbz2"] }],
          ["have_xz==1", { "libraries": ["-l:liblzma.a"] }],
          ["have_zlib==1", { "libraries": ["-l:libz.a"] }]
        ]
      },
      "conditions": [["have_zlib==0", { "dependencies": ["zlib_fallback"], "export_dependent_settings": ["zlib_fallback"] }]]
    },
    {
      "target_name": "tsbuild_addon",
      "sources": ["<!@(ls src/addon/*.cc)"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "<!(node -p \"require('node-api-headers').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED"],
      "dependencies": ["tsbuild_layer"],
      # The codecs stay private to this file: Node exports a zlib of its own under the same names.
      "ldflags": ["-Wl,--exclude-libs,ALL", "-Wl,-Bsymbolic", "-Wl,-z,now", "-s"]
    },
    {
      "target_name": "tsbuild-sandbox",
      "type": "executable",
      "sources": ["<!@(ls src/helper/*.cc)"],
      "dependencies": ["tsbuild_layer"],
      "actions": [{
        "action_name": "seccomp_filter",
        "inputs": ["../scripts/seccomp.mjs", "src/helper/seccomp.table"],
        "outputs": ["<(SHARED_INTERMEDIATE_DIR)/seccomp-filter.h"],
        "action": ["node", "../scripts/seccomp.mjs", "src/helper/seccomp.table", "<@(_outputs)"]
      }],
      "include_dirs": ["<(SHARED_INTERMEDIATE_DIR)"],
      "ldflags!": ["-rdynamic"],
      # Fatal warnings: the linker warns when static code would need the shared C library of the place (getpwnam, getaddrinfo).
      "ldflags": ["-static", "-Wl,--fatal-warnings", "-s"]
    },
    {
      # For the tests only: apply_layer and its options at a command line.
      "target_name": "tsbuild-apply",
      "type": "executable",
      "sources": ["src/check/apply.cc"],
      "dependencies": ["tsbuild_layer"],
      "ldflags!": ["-rdynamic"],
      "ldflags": ["-static", "-s"]
    }
  ],
  "conditions": [
    ["have_zlib==0", {
      "targets": [
        {
          "target_name": "zlib_fallback",
          "type": "static_library",
          "sources": [
            "<(zlib_sources)/adler32.c", "<(zlib_sources)/crc32.c", "<(zlib_sources)/deflate.c", "<(zlib_sources)/trees.c",
            "<(zlib_sources)/inflate.c", "<(zlib_sources)/inffast.c", "<(zlib_sources)/inftrees.c", "<(zlib_sources)/zutil.c"
          ],
          "cflags": ["-fPIC"],
          "cflags!": ["-Werror", "-Wextra"]
        }
      ]
    }]
  ]
}
