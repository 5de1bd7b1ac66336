// A connection's bytes: TCP, or TLS over it. One type for both, so that what speaks HTTP and
// WebSocket is compiled once.

#ifndef AMDGPU_TELEMETRY_GATEWAY_TRANSPORT_H_
#define AMDGPU_TELEMETRY_GATEWAY_TRANSPORT_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace amdgpu::gateway {

// Loads a chain of certificates and its key, both PEM, for a server of TLS 1.2 and 1.3.
// kInvalidArgument: they cannot be read, or do not belong together.
absl::Status LoadCertificate(const std::string& chain_file, const std::string& key_file,
                             boost::asio::ssl::context* context);

// What Boost calls an AsyncStream; its time-outs are those of tcp(). Not thread-safe.
class Transport {
 public:
  using Tcp = boost::beast::tcp_stream;
  using executor_type = Tcp::executor_type;

  // `context` outlives it; null: no TLS.
  Transport(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* context) {
    if (context == nullptr) {
      plain_ = std::make_unique<Tcp>(std::move(socket));
    } else {
      secure_ = std::make_unique<Secure>(Tcp(std::move(socket)), *context);
    }
  }

  bool secure() const { return secure_ != nullptr; }
  Tcp& tcp() { return secure_ != nullptr ? secure_->next_layer() : *plain_; }
  Tcp& next_layer() { return tcp(); }
  const Tcp& next_layer() const { return secure_ != nullptr ? secure_->next_layer() : *plain_; }
  executor_type get_executor() { return tcp().get_executor(); }

  // To be awaited before anything is read, if secure().
  template <typename Handler>
  void async_handshake(Handler&& handler) {
    secure_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }

  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (secure_ != nullptr) {
      secure_->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      plain_->async_read_some(buffers, std::forward<Handler>(handler));
    }
  }
  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (secure_ != nullptr) {
      secure_->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      plain_->async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

 private:
  using Secure = boost::asio::ssl::stream<Tcp>;

  std::unique_ptr<Tcp> plain_;
  std::unique_ptr<Secure> secure_;
};

// A WebSocket has said goodbye by now: TLS need not once more.
inline void teardown(boost::beast::role_type role, Transport& transport,
                     boost::beast::error_code& error) {
  boost::beast::websocket::teardown(role, transport.tcp().socket(), error);
}
template <typename Handler>
void async_teardown(boost::beast::role_type role, Transport& transport, Handler&& handler) {
  boost::beast::websocket::async_teardown(role, transport.tcp().socket(),
                                          std::forward<Handler>(handler));
}

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_TRANSPORT_H_
