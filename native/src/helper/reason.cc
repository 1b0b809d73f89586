#include "reason.h"

#include <cstring>

namespace tsbuild {

std::string text_of(const Failure& failure) {
  // Words say it all; the errno beside them only sorts them.
  if (failure.call.find(' ') != std::string::npos) return failure.path.empty() ? failure.call : failure.call + " (" + failure.path + ')';
  const char* name = failure.error == 0 ? nullptr : ::strerrorname_np(failure.error);
  std::string text = name == nullptr ? "" : std::string(name) + ": ";
  return failure.path.empty() ? text + failure.call : text + failure.call + ' ' + failure.path;
}

}  // namespace tsbuild
