#include "layer/ops.h"

namespace tsbuild {

Result<std::string> handle_plain(Kind kind, std::string_view body, const Cancel& cancel) {
  switch (kind) {
    case Kind::kList:
      return handle_list(body, cancel);
    case Kind::kHash:
      return handle_hash(body, cancel);
    case Kind::kPack:
      return handle_pack(body, cancel);
    case Kind::kIndex:
      return handle_index(body, cancel);
    case Kind::kRead:
      return handle_read(body, cancel);
    case Kind::kClone:
      return handle_clone(body, cancel);
    case Kind::kFlatten:
      return handle_flatten(body, cancel);
    default:
      return Failure{ENOSYS, "unknown request", {}};
  }
}

}  // namespace tsbuild
