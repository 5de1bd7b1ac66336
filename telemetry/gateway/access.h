// Who may have data: tokens, and the pages that a browser may show them on. Pure functions.

#ifndef AMDGPU_TELEMETRY_GATEWAY_ACCESS_H_
#define AMDGPU_TELEMETRY_GATEWAY_ACCESS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace amdgpu::gateway {

struct AccessRules {
  std::string token = {};  // empty: none is asked for
  std::vector<std::string> origins =
      {};  // allowed besides the gateway's own: "https://host[:port]"
};

// What a request says of itself; empty where it does not.
struct Credentials {
  absl::string_view host = {};           // header Host
  absl::string_view origin = {};         // header Origin
  absl::string_view authorization = {};  // header Authorization
  absl::string_view subprotocols = {};   // header Sec-WebSocket-Protocol
  std::string query_token = {};          // ?token=, decoded
};

// In a time that depends on the lengths alone.
bool SameToken(absl::string_view given, absl::string_view expected);

// kUnauthenticated: the token is missing or wrong. kPermissionDenied: the page or the host name is
// not one that may. Without a token only names of this machine are taken for the host, so that no
// page elsewhere can pass for the gateway's own by pointing its name here.
absl::Status CheckAccess(const AccessRules& rules, const Credentials& credentials);

// "localhost", 127.x.x.x, ::1; with or without port and brackets.
bool IsLoopbackName(absl::string_view host);

// The path and the parameters of a request's target, percent-decoded. kInvalidArgument for what is
// none.
struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;
  // "" if it is not there.
  absl::string_view Parameter(absl::string_view name) const;
};
absl::Status ParseTarget(absl::string_view text, Target* target);

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_ACCESS_H_
