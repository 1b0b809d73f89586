// The helper: says which version it is and which codecs it has.
#include <cstdio>
#include <cstring>

#include "layer/codec.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("tsbuild-sandbox %s (%s)\n", TSBUILD_VERSION, tsbuild::codecs_text().c_str());
    return 0;
  }
  std::fprintf(stderr, "usage: tsbuild-sandbox --version\n");
  return 2;
}
