#include "base/base64.h"

#include <algorithm>

#include <openssl/evp.h>

namespace perdure {
namespace {

// libcrypto counts in int. Whole groups, so that only the last piece has padding.
constexpr std::size_t kPieceBytes = std::size_t{3} << 20;
constexpr std::size_t kPieceCharacters = kPieceBytes / 3 * 4;

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // libcrypto ends with a zero
  std::size_t written = 0;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    bytes.remove_prefix(piece.size());
    const int count = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data() + written),
                                      reinterpret_cast<const unsigned char*>(piece.data()),
                                      static_cast<int>(piece.size()));
    written += static_cast<std::size_t>(count);
  }
  text.resize(written);
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const auto is_digit = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  // libcrypto itself forgives white space and padding anywhere.
  if (text.size() % 4 != 0 || !std::all_of(text.begin(), text.end() - padding, is_digit))
    return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  std::size_t written = 0;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, kPieceCharacters);
    text.remove_prefix(piece.size());
    const int count = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data() + written),
                                      reinterpret_cast<const unsigned char*>(piece.data()),
                                      static_cast<int>(piece.size()));
    if (count < 0) return std::nullopt;
    written += static_cast<std::size_t>(count);
  }
  bytes.resize(written - padding);
  return bytes;
}

}  // namespace perdure
