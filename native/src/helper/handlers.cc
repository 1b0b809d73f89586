#include "handlers.h"

namespace tsbuild {

struct Entry {
  Kind kind;
  Mode mode;
  Handler handler;
};

constexpr Entry kHandlers[] = {
    {Kind::kLock, Mode::kPlain, handle_lock},     {Kind::kProbe, Mode::kServe, handle_probe},   {Kind::kBegin, Mode::kServe, handle_begin},
    {Kind::kUnpack, Mode::kServe, handle_unpack}, {Kind::kStep, Mode::kServe, handle_step},     {Kind::kSeal, Mode::kServe, handle_seal},
    {Kind::kRemove, Mode::kServe, handle_remove}, {Kind::kMeasure, Mode::kServe, handle_measure},
};

Handler find_handler(Mode mode, Kind kind) {
  for (const Entry& entry : kHandlers)
    if (entry.kind == kind && entry.mode == mode) return entry.handler;
  return nullptr;
}

bool is_plain(Kind kind) { return kind >= Kind::kList && kind <= Kind::kRead; }

}  // namespace tsbuild
