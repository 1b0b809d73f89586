// A codec as a stream: bytes are pushed in, pieces of at most 1 MiB come out, worked on in libuv's pool (each push is short).
#include <memory>
#include <string>
#include <vector>

#include "addon/exports.h"
#include "layer/codec.h"

namespace tsbuild {
namespace {

constexpr size_t kMaxPieces = 4;  // given out at once

struct State {
  std::unique_ptr<StreamDecoder> decoder;
  std::unique_ptr<PieceEncoder> encoder;
  uint64_t limit = 0;      // bytes of output, all in all; 0: none
  uint64_t produced = 0;
  std::string rest;        // input that was not used up yet
  size_t used = 0;         // of `rest`
  bool busy = false;

  struct Step {
    std::vector<std::string> pieces;
    bool more = false;  // there is output left: push again with nothing
  };

  Result<Step> decode(bool last) {
    Step step;
    while (step.pieces.size() < kMaxPieces) {
      std::string out(kPieceSize, '\0');
      size_t have = 0;
      bool stuck = false;
      while (have < out.size() && !stuck) {
        auto made = decoder->decode(std::string_view(rest).substr(used), out.data() + have, out.size() - have);
        if (!made.ok()) return made.failure();
        used += made.value().consumed;
        have += made.value().produced;
        stuck = made.value().consumed == 0 && made.value().produced == 0;
      }
      produced += have;
      if (limit != 0 && produced > limit) return Failure{EFBIG, "expands to more than " + std::to_string(limit) + " bytes", {}};
      out.resize(have);
      if (have > 0) step.pieces.push_back(std::move(out));
      if (!stuck) continue;
      if (used < rest.size()) return Failure{EBADMSG, "malformed compressed bytes", {}};
      if (last && !decoder->at_end()) return Failure{EBADMSG, "compressed bytes end early", {}};
      rest.clear();
      used = 0;
      return step;
    }
    step.more = true;
    return step;
  }

  Result<Step> encode(bool last) {
    Step step;
    std::string out;
    while (step.pieces.size() < kMaxPieces) {
      const std::string_view left = std::string_view(rest).substr(used);
      // An empty stream is one empty member, since no bytes at all are no gzip.
      const bool empty_stream = last && left.empty() && produced == 0;
      if (!empty_stream && (left.empty() || (left.size() < kPieceSize && !last))) {
        rest.erase(0, used);
        used = 0;
        return step;
      }
      const std::string_view piece = left.substr(0, kPieceSize);
      if (Status status = encoder->encode(piece, out); !status.ok()) return status.failure();
      used += piece.size();
      produced += out.size();
      if (!out.empty()) step.pieces.push_back(out);
      if (out.empty()) return step;
    }
    step.more = true;
    return step;
  }
};

class Push final : public Napi::AsyncWorker {
 public:
  Push(const Napi::Function& callback, std::shared_ptr<State> state, bool last) : AsyncWorker(callback, "tsbuild codec"), state_(std::move(state)), last_(last) {}
  void Execute() override { result_ = state_->decoder ? state_->decode(last_) : state_->encode(last_); }
  void OnOK() override {
    const Napi::Env env = Env();
    state_->busy = false;
    if (!result_.ok()) {
      Callback().Call({failure_object(env, result_.failure())});
      return;
    }
    Napi::Array pieces = Napi::Array::New(env);
    uint32_t index = 0;
    for (const std::string& piece : result_.value().pieces) pieces.Set(index++, Napi::Buffer<char>::Copy(env, piece.data(), piece.size()));
    Callback().Call({env.Null(), pieces, Napi::Boolean::New(env, result_.value().more)});
  }

 private:
  std::shared_ptr<State> state_;
  bool last_;
  Result<State::Step> result_ = State::Step{};
};

class CodecStream final : public Napi::ObjectWrap<CodecStream> {
 public:
  explicit CodecStream(const Napi::CallbackInfo& info) : ObjectWrap(info), state_(std::make_shared<State>()) {
    const Napi::Env env = info.Env();
    if (info.Length() != 4 || !info[0].IsNumber() || !info[1].IsBoolean() || !info[2].IsNumber() || !info[3].IsNumber()) {
      Napi::TypeError::New(env, "new CodecStream(codec, encode, level, limit)").ThrowAsJavaScriptException();
      return;
    }
    const Codec codec = static_cast<Codec>(info[0].As<Napi::Number>().Uint32Value());
    state_->limit = static_cast<uint64_t>(info[3].As<Napi::Number>().Int64Value());
    if (info[1].As<Napi::Boolean>()) {
      auto encoder = PieceEncoder::create(codec, info[2].As<Napi::Number>().Uint32Value());
      if (encoder.ok()) state_->encoder = std::move(encoder.value());
      else failure_ = encoder.failure();
    } else {
      auto decoder = StreamDecoder::create(codec);
      if (decoder.ok()) state_->decoder = std::move(decoder.value());
      else failure_ = decoder.failure();
    }
  }

  Napi::Value push(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() != 3 || !info[0].IsTypedArray() || !info[1].IsBoolean() || !info[2].IsFunction() || state_->busy) {
      Napi::TypeError::New(env, "push(bytes, last, callback), one at a time").ThrowAsJavaScriptException();
      return env.Undefined();
    }
    const auto callback = info[2].As<Napi::Function>();
    if (failure_) {
      callback.Call({failure_object(env, *failure_)});
      return env.Undefined();
    }
    const auto bytes = info[0].As<Napi::Uint8Array>();
    state_->rest.append(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
    state_->busy = true;
    (new Push(callback, state_, info[1].As<Napi::Boolean>()))->Queue();  // deletes itself when done
    return env.Undefined();
  }

 private:
  std::shared_ptr<State> state_;
  std::optional<Failure> failure_;
};

}  // namespace

Napi::Function codec_stream(Napi::Env env) { return CodecStream::DefineClass(env, "CodecStream", {CodecStream::InstanceMethod<&CodecStream::push>("push")}); }

}  // namespace tsbuild
