// How an error travels in the native code: no exceptions, no text. Text and hints are made in TypeScript from these three facts.
#pragma once
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace tsbuild {

struct Failure {
  int error = 0;         // errno, or 0 when `call` says it all ("digest mismatch")
  std::string call;      // the system call, or what was being done
  std::string path;      // bytes, as the kernel has them
};

// A value or the Failure that prevented it.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Failure failure) : state_(std::move(failure)) {}
  bool ok() const { return std::holds_alternative<T>(state_); }
  T& value() { return std::get<T>(state_); }
  const T& value() const { return std::get<T>(state_); }
  Failure& failure() { return std::get<Failure>(state_); }
  const Failure& failure() const { return std::get<Failure>(state_); }

 private:
  std::variant<T, Failure> state_;
};

struct Unit {};
using Status = Result<Unit>;
inline Status done() { return Unit{}; }
inline Failure errno_failure(std::string call, std::string path = {}) { return Failure{errno, std::move(call), std::move(path)}; }

}  // namespace tsbuild
