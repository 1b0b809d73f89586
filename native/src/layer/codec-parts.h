// What the file of each codec gives to codec.cc.
#pragma once
#include "layer/codec.h"

namespace tsbuild {

std::string gzip_text();
std::string zstd_text();
std::string bzip2_text();
std::string xz_text();
Result<std::unique_ptr<PieceEncoder>> gzip_encoder(uint32_t level);
Result<std::unique_ptr<PieceEncoder>> zstd_encoder(uint32_t level);
std::unique_ptr<StreamDecoder> gzip_decoder();
Result<std::unique_ptr<StreamDecoder>> zstd_decoder();
Result<std::unique_ptr<StreamDecoder>> bzip2_decoder();
Result<std::unique_ptr<StreamDecoder>> xz_decoder();

}  // namespace tsbuild
