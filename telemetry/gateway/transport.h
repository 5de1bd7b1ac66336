// A connection's bytes: TCP, or TLS over it. One type for both, so that what speaks HTTP and
// WebSocket is compiled once.

#ifndef AMDGPU_TELEMETRY_GATEWAY_TRANSPORT_H_
#define AMDGPU_TELEMETRY_GATEWAY_TRANSPORT_H_

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace amdgpu::gateway {

// Loads a chain of certificates and its key, both PEM, for a server of TLS 1.2 and 1.3.
// kInvalidArgument: they cannot be read, or do not belong together.
absl::Status LoadCertificate(const std::string& chain_file, const std::string& key_file,
                             boost::asio::ssl::context* context);

// What Boost calls an AsyncStream; its time-outs are those of tcp(). Not thread-safe.
//
// Most of what is sent is a small message to an idle socket: WriteNow hands that to the kernel at
// once, past the stream's machinery, and only between whole writes of it.
class Transport {
 public:
  using Tcp = boost::beast::tcp_stream;
  using executor_type = Tcp::executor_type;

  // `context` outlives it; null: no TLS.
  Transport(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* context) {
    if (context == nullptr) {
      plain_ = std::make_unique<Plain>(std::move(socket));
    } else {
      secure_ = std::make_unique<Secure>(Tcp(std::move(socket)), *context);
    }
  }

  bool secure() const { return secure_ != nullptr; }
  Tcp& tcp() { return secure_ != nullptr ? secure_->next_layer() : plain_->tcp; }
  Tcp& next_layer() { return tcp(); }
  const Tcp& next_layer() const { return secure_ != nullptr ? secure_->next_layer() : plain_->tcp; }
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
      plain_->tcp.async_read_some(buffers, std::forward<Handler>(handler));
    }
  }
  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (secure_ != nullptr) {
      secure_->async_write_some(buffers, std::forward<Handler>(handler));
    } else if (plain_->rest.empty()) {
      plain_->WriteSome(buffers, std::forward<Handler>(handler));
    } else {
      plain_->writing = true;  // next, before another WriteNow
      plain_->rest_written.async_wait(
          [plain = plain_.get(), buffers,
           handler = std::forward<Handler>(handler)](boost::system::error_code) mutable {
            plain->WriteSome(buffers, std::move(handler));
          });
    }
  }

  enum class Written { kNothing, kAll, kLater };
  // Writes all of it, or nothing: when something else is being written, the kernel takes nothing
  // now, or there is TLS. kLater: the kernel has taken a part; the rest follows by itself, before
  // anything else, and then `handler(error, bytes)` is called. At most four parts.
  template <typename Handler>
  Written WriteNow(absl::Span<const boost::asio::const_buffer> parts, Handler&& handler) {
    if (plain_ == nullptr || plain_->writing || !plain_->rest.empty()) return Written::kNothing;
    const std::size_t taken = SendNow(plain_->tcp.socket().native_handle(), parts, &plain_->rest);
    if (taken == 0) return Written::kNothing;
    if (plain_->rest.empty()) return Written::kAll;
    boost::asio::async_write(plain_->tcp, boost::asio::buffer(plain_->rest),
                             [plain = plain_.get(), handler = std::forward<Handler>(handler)](
                                 boost::system::error_code error, std::size_t bytes) mutable {
                               plain->rest.clear();
                               plain->rest_written.cancel();  // whoever waits may go on
                               handler(error, bytes);
                             });
    return Written::kLater;
  }

 private:
  using Secure = boost::asio::ssl::stream<Tcp>;

  // Stays where it is when the transport moves.
  struct Plain {
    explicit Plain(boost::asio::ip::tcp::socket socket)
        : tcp(std::move(socket)),
          rest_written(tcp.get_executor(), boost::asio::steady_timer::time_point::max()) {}

    template <typename Buffers, typename Handler>
    void WriteSome(const Buffers& buffers, Handler&& handler) {
      writing = true;
      // Who writes in several steps begins the next one in the handler: between them nothing else
      // of this thread runs.
      tcp.async_write_some(
          buffers, [this, handler = std::forward<Handler>(handler)](boost::system::error_code error,
                                                                    std::size_t bytes) mutable {
            writing = false;
            handler(error, bytes);
          });
    }

    Tcp tcp;
    bool writing = false;
    std::string rest;  // of what WriteNow was given
    boost::asio::steady_timer rest_written;
  };

  // Bytes that the kernel has taken; if they are some of them, the others are in `rest`.
  static std::size_t SendNow(int socket, absl::Span<const boost::asio::const_buffer> parts,
                             std::string* rest);

  std::unique_ptr<Plain> plain_;
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
