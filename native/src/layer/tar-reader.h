// Reads a tar that may be hostile: ustar, pax, GNU long names and base-256 numbers. What could be read in two ways is refused:
// sparse files, unknown types, numbers that do not fit, NUL in names, names that leave the root. All failures are EBADMSG.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "common/failure.h"
#include "layer/blob-reader.h"
#include "layer/entry.h"
#include "layer/sha256.h"
#include "layer/tar-format.h"

namespace tsbuild {

class TarReader {
 public:
  explicit TarReader(BlobReader& blob) : blob_(blob) {}
  // Goes to the next entry, skipping what is left of the last one; false at the end of the archive.
  Result<bool> next();
  const Entry& entry() const { return entry_; }
  uint64_t offset() const { return offset_; }  // of the content in the tar
  // The next piece of the content of a regular file, valid until the next call; empty at its end.
  Result<std::string_view> content();
  // Reads what is left of the content; sha256 of all of it when called first.
  Result<Digest> hash_content();
  // How many xattrs of overlayfs were left out of the entries so far; they never come from outside.
  uint64_t dropped_xattrs() const { return dropped_xattrs_; }
  // After the last entry: reads to the end of the blob, which belongs to the diffID.
  Status drain();

 private:
  struct Extra {  // what pax and GNU headers said about the entry that follows
    std::map<std::string, std::string> pax;
    std::string long_name, long_link;
  };
  Result<std::string_view> take(size_t most);
  Result<bool> read_block(TarHeader& header);  // false at the end of the blob
  Status skip(uint64_t size);
  Result<std::string> read_meta(const TarHeader& header, size_t limit);
  Status read_entry(const TarHeader& header, Extra& extra);
  Status read_names(const TarHeader& header, const Extra& extra);
  Status read_type(const TarHeader& header, const Extra& extra, std::string_view raw_name);
  Status read_numbers(const TarHeader& header, const Extra& extra);
  Status read_xattrs(Extra& extra);
  Failure bad(std::string what) const { return Failure{EBADMSG, std::move(what), entry_.path}; }

  BlobReader& blob_;
  std::string_view chunk_;
  uint64_t position_ = 0;
  Entry entry_;
  uint64_t offset_ = 0;
  uint64_t left_ = 0;     // of the content
  uint64_t padding_ = 0;  // after it
  uint64_t count_ = 0;
  uint64_t dropped_xattrs_ = 0;
};

}  // namespace tsbuild
