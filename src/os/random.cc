#include "os/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace perdure {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  const ssize_t got = ::getrandom(&number, sizeof number, 0);
  CHECK(got == static_cast<ssize_t>(sizeof number), "getrandom gives small amounts whole");
  return number;
}

std::string random_text(std::size_t characters) {
  constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string text;
  while (text.size() < characters) {
    std::uint64_t bits = random_number();
    for (int i = 0; i < 12 && text.size() < characters; ++i) {
      text += kAlphabet[bits & 31];
      bits >>= 5;
    }
  }
  return text;
}

}  // namespace perdure
