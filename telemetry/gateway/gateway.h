// The gateway: HTTP and WebSocket for whoever is not in the BEAM. See README.md.

#ifndef AMDGPU_TELEMETRY_GATEWAY_GATEWAY_H_
#define AMDGPU_TELEMETRY_GATEWAY_GATEWAY_H_

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "telemetry/gateway/access.h"

namespace amdgpu::gateway {

struct GatewayOptions {
  std::string host = "127.0.0.1";  // an address, not a name
  std::uint16_t port = 9477;       // 0: any that is free
  pid_t pid = 0;                   // of the runtime; 0: the newest
  AccessRules access;
  std::string static_directory;  // empty: no files
  std::string recordings;        // directory that clients may have frames recorded in; empty: none
  std::uint64_t recording_bytes = std::uint64_t{256} << 20;  // the oldest go
  std::string tls_certificate;  // PEM files: a chain and its key; empty: no TLS
  std::string tls_key;
  std::size_t max_connections = 8192;
  std::size_t max_message_bytes = std::size_t{64} << 10;  // from a client
  std::size_t max_header_bytes = std::size_t{8} << 10;
  int send_buffer_bytes = 64 << 10;                  // of the kernel, per connection
  std::chrono::milliseconds handshake_time{10'000};  // for a request's head, and a closing
  std::chrono::milliseconds idle_time{60'000};       // without a byte from a client
  std::chrono::milliseconds drain_time{5'000};       // for clients to take leave
};

// Listens from Start on; serves while Run runs.
class Gateway {
 public:
  // kInvalidArgument: options that cannot be. kFailedPrecondition: the address is taken or not
  // ours.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  std::uint16_t port() const;
  // Serves until it has been told to drain, by Drain, SIGTERM or SIGINT, and everybody has gone or
  // drain_time has passed. Once.
  void Run();
  // Takes no more connections and says goodbye to those there are. Any thread.
  void Drain();

 private:
  class Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_GATEWAY_H_
