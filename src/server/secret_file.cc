#include "server/secret_file.h"

#include <optional>
#include <string_view>

#include "base/file.h"

namespace resolve64::server {
namespace {

constexpr std::size_t kMaxFile = 65536;

std::optional<std::uint8_t> Digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

// The line without its comment and the white space around it.
std::string_view Content(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  line = line.substr(0, line.find('#'));
  const std::size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

std::optional<Secret> ParseSecret(std::string_view digits, std::size_t octets) {
  if (digits.size() != 2 * octets) return std::nullopt;
  Secret secret;
  secret.reserve(octets);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const std::optional<std::uint8_t> high = Digit(digits[i]);
    const std::optional<std::uint8_t> low = Digit(digits[i + 1]);
    if (!high || !low) return std::nullopt;
    secret.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return secret;
}

}  // namespace

Result<std::vector<Secret>> ReadSecretFile(const std::string& path, std::size_t octets,
                                           std::size_t most) {
  const Result<std::optional<std::string>> text = ReadSmallFile(path, kMaxFile);
  if (!text) return text.error();
  if (!*text) return Error{Errc::kBadFile, path + ": there is no such file"};
  std::vector<Secret> secrets;
  std::string_view rest = **text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = Content(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.empty()) continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    const auto wrong = [&](const std::string& what) { return Error{Errc::kBadFile, where + what}; };
    if (secrets.size() == most) return wrong("more than " + std::to_string(most) + " secrets");
    const std::optional<Secret> secret = ParseSecret(line, octets);
    if (!secret) {
      return wrong("a secret is " + std::to_string(2 * octets) +
                   " hexadecimal digits, as `openssl rand -hex " + std::to_string(octets) +
                   "` makes them");
    }
    secrets.push_back(*secret);
  }
  if (secrets.empty()) return Error{Errc::kBadFile, path + ": there is no secret in it"};
  return secrets;
}

}  // namespace resolve64::server
