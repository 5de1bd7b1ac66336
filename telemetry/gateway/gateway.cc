#include "telemetry/gateway/gateway.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "telemetry/gateway/connection.h"
#include "telemetry/gateway/frame_source.h"

namespace amdgpu::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Frames between the source's thread and the io thread; more are dropped, and said to be.
constexpr int kMaxHandedOver = 64;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr char kFull[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

}  // namespace

class Gateway::Impl {
 public:
  Impl(GatewayOptions options, std::optional<StaticFiles> files,
       std::optional<RecordingControl> recording)
      : acceptor_(io_), signals_(io_), timer_(io_) {
    shared_.options = std::move(options);
    shared_.files = std::move(files);
    shared_.recording = std::move(recording);
  }
  absl::Status Listen(const asio::ip::address& address) {
    const GatewayOptions& options = shared_.options;
    if (!options.tls_certificate.empty()) {
      shared_.tls.emplace(asio::ssl::context::tls_server);
      if (absl::Status status =
              LoadCertificate(options.tls_certificate, options.tls_key, &*shared_.tls);
          !status.ok()) {
        return status;
      }
    }
    const tcp::endpoint endpoint(address, options.port);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::FailedPreconditionError(absl::StrCat("cannot listen on ", options.host, " port ",
                                                        options.port, ": ", error.message()));
    }
    port_ = acceptor_.local_endpoint().port();
    signals_.add(SIGTERM, error);
    signals_.add(SIGINT, error);
    return absl::OkStatus();
  }

  std::uint16_t port() const { return port_; }

  void Run() {
    source_.emplace(shared_.options.pid,
                    FrameSource::Callbacks{
                        .frame = [this](std::string frame,
                                        std::uint64_t missed) { Hand(std::move(frame), missed); },
                        .ended =
                            [this](pid_t pid) {
                              asio::post(io_, [this, pid] { shared_.broadcast.RuntimeEnded(pid); });
                            }});
    signals_.async_wait([this](error_code error, int) {
      if (!error) Leave();
    });
    Accept();
    io_.run();
    source_.reset();
  }

  void Drain() {
    asio::post(io_, [this] { Leave(); });
  }

 private:
  std::vector<Connection*> Connections() const {
    return {shared_.connections.begin(), shared_.connections.end()};
  }

  // On the source's thread.
  void Hand(std::string frame, std::uint64_t missed) {
    if (handed_over_.load() >= kMaxHandedOver) {
      dropped_ += 1 + missed;
      return;
    }
    ++handed_over_;
    asio::post(io_, [this, frame = std::move(frame),
                     missed = missed + std::exchange(dropped_, 0)]() mutable {
      --handed_over_;
      if (shared_.draining) return;
      if (shared_.recording.has_value()) {
        shared_.recording->Add(frame);
        shared_.TellRecording();
      }
      shared_.broadcast.Publish(std::move(frame), missed, NowNs());
    });
  }

  void Accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (shared_.draining || error == asio::error::operation_aborted) return;
      if (error) {
        // Out of descriptors or memory: somebody will go.
        timer_.expires_after(kAcceptPause);
        timer_.async_wait([this](error_code stopped) {
          if (!stopped && !shared_.draining) Accept();
        });
        return;
      }
      Take(std::move(socket));
      Accept();
    });
  }

  void Take(tcp::socket socket) {
    error_code ignored;
    GatewayCounters& counters = shared_.broadcast.counters();
    if (shared_.connections.size() >= shared_.options.max_connections) {
      ++counters.connections_refused_total;
      if (!shared_.tls.has_value()) {
        send(socket.native_handle(), kFull, sizeof(kFull) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
      }
      return;
    }
    ++counters.connections_total;
    socket.set_option(tcp::no_delay(true), ignored);
    // What the kernel holds for a client that does not read is held on top of what we hold, and
    // makes it late.
    socket.set_option(asio::socket_base::send_buffer_size(shared_.options.send_buffer_bytes),
                      ignored);
    ServeHttp(shared_, std::move(socket));
  }

  void Leave() {
    if (std::exchange(shared_.draining, true)) return;
    error_code ignored;
    acceptor_.close(ignored);
    signals_.cancel(ignored);
    for (Connection* connection : Connections()) connection->Drain();
    deadline_ = std::chrono::steady_clock::now() + shared_.options.drain_time;
    AwaitLeave();
  }

  void AwaitLeave() {
    const bool late = std::chrono::steady_clock::now() >= deadline_;
    if (late) {
      for (Connection* connection : Connections()) connection->Abort();
    }
    if (late || shared_.connections.empty()) {
      // What the source hands over from now on is not wanted any more.
      io_.stop();
      return;
    }
    timer_.expires_after(std::chrono::milliseconds(10));
    timer_.async_wait([this](error_code) { AwaitLeave(); });
  }

  Shared shared_;  // before io_: handlers that were never run hold connections
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::signal_set signals_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  std::uint16_t port_ = 0;
  std::atomic<int> handed_over_{0};
  std::uint64_t dropped_ = 0;  // of the source's thread
  std::optional<FrameSource> source_;
};

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.host, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("'", options.host, "' is not an IP address"));
  }
  if (!address.is_loopback() && options.access.token.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "on ", options.host, " others can connect: a token is required (--token-file)"));
  }
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError("a certificate and its key go together");
  }
  std::optional<StaticFiles> files;
  if (!options.static_directory.empty()) {
    absl::StatusOr<StaticFiles> opened = StaticFiles::Open(options.static_directory);
    if (!opened.ok()) return opened.status();
    files = *std::move(opened);
  }
  std::optional<RecordingControl> recording;
  if (!options.recordings.empty()) {
    absl::StatusOr<RecordingControl> opened =
        RecordingControl::Open(options.recordings, options.recording_bytes);
    if (!opened.ok()) return opened.status();
    recording = *std::move(opened);
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(files), std::move(recording));
  if (absl::Status status = impl->Listen(address); !status.ok()) return status;
  return absl::WrapUnique(new Gateway(std::move(impl)));
}

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

std::uint16_t Gateway::port() const { return impl_->port(); }
void Gateway::Run() { impl_->Run(); }
void Gateway::Drain() { impl_->Drain(); }

}  // namespace amdgpu::gateway
