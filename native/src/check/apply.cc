// For the tests: apply_layer at a command line.
//   tsbuild-apply ROOT BLOB none|gzip|zstd TOC|"" OWNERS_FOLDER|"" [refuse] [ids=COUNT]
// Prints the diffID, the size of the tar and the count of dropped xattrs; on failure the errno, call and path, with exit status 1.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "layer/apply.h"
#include "layer/ops.h"
#include "layer/request-parts.h"

namespace tsbuild {
namespace {

int fail(const Failure& failure) {
  std::printf("%d\n%s\n%s\n", failure.error, failure.call.c_str(), failure.path.c_str());
  return 1;
}

int run(int argc, char** argv) {
  if (argc < 6) return 2;
  const std::string codec_name = argv[3], toc_path = argv[4], owners_folder = argv[5];
  const Codec codec = codec_name == "gzip" ? Codec::kGzip : codec_name == "zstd" ? Codec::kZstd : Codec::kNone;
  ApplyOptions options;
  for (int i = 6; i < argc; i++) {
    if (std::strcmp(argv[i], "refuse") == 0) options.refuse_foreign = true;
    if (std::strncmp(argv[i], "ids=", 4) == 0) options.uids = options.gids = {{0, static_cast<uint32_t>(std::atoi(argv[i] + 4))}};
  }
  auto root = open_root(argv[1]);
  if (!root.ok()) return fail(root.failure());
  auto blob = BlobReader::open(argv[2], codec);
  if (!blob.ok()) return fail(blob.failure());
  std::unique_ptr<TocWriter> toc;
  if (!toc_path.empty()) {
    auto made = TocWriter::create(toc_path);
    if (!made.ok()) return fail(made.failure());
    toc = std::move(made.value());
  }
  Owners owners;
  Fd folder;
  if (!owners_folder.empty()) {
    auto opened = open_root(owners_folder);
    if (!opened.ok()) return fail(opened.failure());
    folder = std::move(opened.value());
    auto read = Owners::read_file(folder.get(), "owners");
    if (!read.ok()) return fail(read.failure());
    owners = std::move(read.value());
    options.owners = &owners;
  }
  const Cancel cancel;
  auto reply = apply_layer(*blob.value(), root.value().get(), toc.get(), options, cancel);
  if (!reply.ok()) return fail(reply.failure());
  if (toc) {
    if (Status status = toc->finish(reply.value().diff_id, reply.value().tar_size); !status.ok()) return fail(status.failure());
  }
  if (folder.valid()) {
    if (Status status = owners.write_file(folder.get(), "owners"); !status.ok()) return fail(status.failure());
  }
  for (const uint8_t byte : reply.value().diff_id) std::printf("%02x", byte);
  std::printf("\n%llu\n%llu\n", static_cast<unsigned long long>(reply.value().tar_size), static_cast<unsigned long long>(reply.value().dropped_xattrs));
  return 0;
}

}  // namespace
}  // namespace tsbuild

int main(int argc, char** argv) { return tsbuild::run(argc, argv); }
