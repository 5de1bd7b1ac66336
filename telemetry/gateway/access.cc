#include "telemetry/gateway/access.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace amdgpu::gateway {
namespace {

// How the phoenix client sends its `authToken`.
constexpr absl::string_view kSubprotocolToken = "base64url.bearer.phx.";

// "[::1]:4000" -> "::1", "host:80" -> "host".
absl::string_view WithoutPort(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) return host.substr(0, host.find(']'));
  return host.substr(0, host.find(':'));
}

bool HasToken(absl::string_view token, const Credentials& credentials) {
  bool found = SameToken(credentials.query_token, token);
  absl::string_view authorization = credentials.authorization;
  if (absl::StartsWithIgnoreCase(authorization, "Bearer ")) {
    authorization.remove_prefix(7);
    found |= SameToken(absl::StripAsciiWhitespace(authorization), token);
  }
  for (absl::string_view protocol : absl::StrSplit(credentials.subprotocols, ',')) {
    protocol = absl::StripAsciiWhitespace(protocol);
    std::string decoded;
    if (absl::ConsumePrefix(&protocol, kSubprotocolToken) &&
        absl::WebSafeBase64Unescape(protocol, &decoded)) {
      found |= SameToken(decoded, token);
    }
  }
  return found;
}

bool AllowedOrigin(const AccessRules& rules, const Credentials& credentials) {
  for (const std::string& origin : rules.origins) {
    if (absl::EqualsIgnoreCase(origin, credentials.origin)) return true;
  }
  absl::string_view authority = credentials.origin;
  if (!absl::ConsumePrefix(&authority, "http://") && !absl::ConsumePrefix(&authority, "https://")) {
    return false;  // "null", and what is no page
  }
  return absl::EqualsIgnoreCase(authority, credentials.host);
}

bool PercentDecode(absl::string_view text, bool plus_is_space, std::string* out) {
  out->clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out->push_back(' ');
    } else if (text[i] != '%') {
      out->push_back(text[i]);
    } else {
      if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
          !absl::ascii_isxdigit(text[i + 2])) {
        return false;
      }
      out->append(absl::HexStringToBytes(text.substr(i + 1, 2)));
      i += 2;
    }
  }
  return out->find('\0') == std::string::npos;
}

}  // namespace

bool SameToken(absl::string_view given, absl::string_view expected) {
  if (expected.empty()) return false;
  unsigned char difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ expected[i % expected.size()]);
  }
  return difference == 0;
}

bool IsLoopbackName(absl::string_view host) {
  // Without brackets only ::1 itself has more than one colon.
  const absl::string_view name = host == "::1" ? host : WithoutPort(host);
  if (absl::EqualsIgnoreCase(name, "localhost") || name == "::1") return true;
  return absl::StartsWith(name, "127.") &&
         name.find_first_not_of("0123456789.") == absl::string_view::npos;
}

absl::Status CheckAccess(const AccessRules& rules, const Credentials& credentials) {
  if (rules.token.empty()) {
    const bool named = std::any_of(
        rules.origins.begin(), rules.origins.end(), [&credentials](absl::string_view origin) {
          const std::size_t start = origin.find("://");
          return start != absl::string_view::npos &&
                 absl::EqualsIgnoreCase(origin.substr(start + 3), credentials.host);
        });
    if (!named && !IsLoopbackName(credentials.host)) {
      return absl::PermissionDeniedError("the host must be named localhost");
    }
  } else if (!HasToken(rules.token, credentials)) {
    return absl::UnauthenticatedError("a token is needed");
  }
  if (!credentials.origin.empty() && !AllowedOrigin(rules, credentials)) {
    return absl::PermissionDeniedError("pages of this origin may not read here");
  }
  return absl::OkStatus();
}

absl::string_view Target::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return "";
}

absl::Status ParseTarget(absl::string_view text, Target* target) {
  const absl::Status wrong = absl::InvalidArgumentError("not a path");
  text = text.substr(0, text.find('#'));
  const std::size_t mark = text.find('?');
  if (!PercentDecode(text.substr(0, mark), false, &target->path) ||
      !absl::StartsWith(target->path, "/")) {
    return wrong;
  }
  target->query.clear();
  if (mark == absl::string_view::npos) return absl::OkStatus();
  for (absl::string_view part : absl::StrSplit(text.substr(mark + 1), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    std::string key;
    std::string value;
    if (!PercentDecode(pair.first, true, &key) || !PercentDecode(pair.second, true, &value)) {
      return wrong;
    }
    target->query.emplace_back(std::move(key), std::move(value));
  }
  return absl::OkStatus();
}

}  // namespace amdgpu::gateway
