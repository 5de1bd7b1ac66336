// Requests and their answers.

#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "telemetry/gateway/connection.h"

namespace amdgpu::gateway {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

// What a page of ours may do: load from here, talk to here, and be in nobody's frame.
constexpr char kContentPolicy[] =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

constexpr char kRecordingPath[] = "/api/v1/recording";

absl::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

struct Answer {
  http::status status = http::status::ok;
  absl::string_view content_type = "text/plain; charset=utf-8";
  Bytes body;
  bool page = false;  // from the static directory
};

Answer TextAnswer(http::status status, absl::string_view text,
                  absl::string_view type = "text/plain; charset=utf-8") {
  return {status, type, std::make_shared<const std::string>(text)};
}

class HttpConnection : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Shared& shared, boost::asio::ip::tcp::socket socket)
      : shared_(shared),
        stream_(std::move(socket), shared.tls.has_value() ? &*shared.tls : nullptr),
        buffer_(shared.options.max_header_bytes * 2) {
    shared_.Enter(this);
  }
  ~HttpConnection() override { shared_.Leave(this); }

  void Start() {
    if (!stream_.secure()) return Read();
    stream_.tcp().expires_after(shared_.options.handshake_time);
    reading_ = true;
    stream_.async_handshake(
        beast::bind_front_handler(&HttpConnection::OnHandshake, shared_from_this()));
  }

  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.max_header_bytes));
    parser_->body_limit(0);
    stream_.tcp().expires_after(shared_.options.handshake_time);
    reading_ = true;
    http::async_read(stream_, buffer_, *parser_,
                     beast::bind_front_handler(&HttpConnection::OnRead, shared_from_this()));
  }

  void Drain() override {
    closing_ = true;
    if (reading_) stream_.tcp().close();  // between requests
  }
  void Abort() override { stream_.tcp().close(); }

 private:
  void OnHandshake(beast::error_code error) {
    reading_ = false;
    if (!error && !closing_) Read();
  }

  void OnRead(beast::error_code error, std::size_t) {
    reading_ = false;
    if (error == http::error::header_limit) {
      return Send(TextAnswer(http::status::request_header_fields_too_large, "too long\n"), true);
    }
    if (error == http::error::body_limit) {
      return Send(TextAnswer(http::status::payload_too_large, "no body is taken\n"), true);
    }
    if (error && error.category() == http::make_error_code(http::error::bad_target).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return Send(TextAnswer(http::status::bad_request, "not HTTP\n"), true);
    }
    if (error) return;
    const Request& request = parser_->get();
    Target target;
    if (!ParseTarget(View(request.target()), &target).ok()) {
      return Send(TextAnswer(http::status::bad_request, "not a path\n"), true);
    }
    if (beast::websocket::is_upgrade(request) && !closing_) {
      const absl::Status status = CheckUpgrade(request, target);
      if (status.ok()) {
        stream_.tcp().expires_never();
        return ServeWebSocket(shared_, std::move(stream_), request);
      }
      return Send(Refusal(status), true);
    }
    if (target.path == kRecordingPath && shared_.recording.has_value()) {
      return SendRecording(request, target);
    }
    Send(Respond(request, target), false);
  }

  absl::Status CheckUpgrade(const Request& request, const Target& target) const {
    if (target.path != "/socket/websocket") return absl::NotFoundError("no socket here");
    const absl::string_view version = target.Parameter("vsn");
    if (!absl::StartsWith(version, "2.0.")) {
      return absl::InvalidArgumentError("the version of the protocol must be 2.0.0: ?vsn=2.0.0");
    }
    return Check(request, target);
  }

  absl::Status Check(const Request& request, const Target& target) const {
    return CheckAccess(shared_.options.access,
                       {.host = View(request[http::field::host]),
                        .origin = View(request[http::field::origin]),
                        .authorization = View(request[http::field::authorization]),
                        .subprotocols = View(request[http::field::sec_websocket_protocol]),
                        .query_token = std::string(target.Parameter("token"))});
  }

  static Answer Refusal(const absl::Status& status) {
    const http::status code = absl::IsNotFound(status)           ? http::status::not_found
                              : absl::IsUnauthenticated(status)  ? http::status::unauthorized
                              : absl::IsPermissionDenied(status) ? http::status::forbidden
                                                                 : http::status::bad_request;
    return TextAnswer(code, absl::StrCat(status.message(), "\n"));
  }

  Answer Respond(const Request& request, const Target& target) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      return TextAnswer(http::status::method_not_allowed, "GET and HEAD only\n");
    }
    // These two tell nothing, and load balancers have no tokens.
    if (target.path == "/healthz") return TextAnswer(http::status::ok, "ok\n");
    if (target.path == "/readyz") {
      if (shared_.broadcast.latest() != nullptr && !closing_) {
        return TextAnswer(http::status::ok, "ok\n");
      }
      return TextAnswer(http::status::service_unavailable, "no runtime is attached\n");
    }
    const bool metrics = target.path == "/metrics";
    const bool frame = target.path == "/api/v1/frame";
    if (metrics || frame) {
      const absl::Status status = Check(request, target);
      if (!status.ok()) return Refusal(status);
      return metrics ? MetricsAnswer(View(request[http::field::accept])) : FrameAnswer();
    }
    if (target.path == "/socket/websocket") {
      return TextAnswer(http::status::upgrade_required, "this is a WebSocket\n");
    }
    if (shared_.files.has_value()) {
      absl::StatusOr<StaticFiles::File> file = shared_.files->Get(target.path);
      if (file.ok()) return {http::status::ok, file->content_type, std::move(file->bytes), true};
    }
    return TextAnswer(http::status::not_found, "nothing here\n");
  }

  Answer MetricsAnswer(absl::string_view accept) {
    // Text 0.0.4 for those who say that they know nothing newer.
    const bool old = absl::StrContains(accept, "text/plain") &&
                     !absl::StrContains(accept, "application/openmetrics-text");
    return TextAnswer(http::status::ok,
                      WriteMetrics(shared_.broadcast.present(), shared_.broadcast.counters(),
                                   old ? TextFormat::kPrometheus : TextFormat::kOpenMetrics),
                      old ? "text/plain; version=0.0.4; charset=utf-8"
                          : "application/openmetrics-text; version=1.0.0; charset=utf-8");
  }

  Answer FrameAnswer() {
    const std::shared_ptr<EncodedFrame>& latest = shared_.broadcast.latest();
    if (latest == nullptr) {
      return TextAnswer(http::status::service_unavailable, "no runtime is attached\n");
    }
    return {http::status::ok, "application/json",
            latest->Payload(Encoding::kJson, telemetry::kAllTopics)};
  }

  // As a file, piece by piece: it may be large.
  void SendRecording(const Request& request, const Target& target) {
    if (const absl::Status status = Check(request, target); !status.ok()) {
      return Send(Refusal(status), false);
    }
    if (request.method() != http::verb::get) return Send(Respond(request, target), false);
    absl::StatusOr<RecordingArchive> archive =
        RecordingArchive::Open(shared_.recording->directory());
    if (!archive.ok()) {
      return Send(TextAnswer(http::status::not_found, "nothing has been recorded\n"), false);
    }
    archive_ = *std::move(archive);
    close_after_ = !request.keep_alive();
    response_ = {};
    response_.version(11);
    response_.set(http::field::content_type, "application/x-tar");
    response_.set(http::field::content_disposition, "attachment; filename=\"recording.tar\"");
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.keep_alive(!close_after_);
    response_.content_length(archive_->bytes());
    serializer_.emplace(response_);
    stream_.tcp().expires_after(shared_.options.idle_time);
    http::async_write_header(
        stream_, *serializer_,
        beast::bind_front_handler(&HttpConnection::OnPieceWritten, shared_from_this()));
  }

  void OnPieceWritten(beast::error_code error, std::size_t) {
    absl::StatusOr<std::string> piece = archive_->Next();
    // What was announced and cannot be sent any more ends with the connection.
    if (error || closing_ || !piece.ok()) return stream_.tcp().close();
    if (piece->empty()) {
      archive_.reset();
      return OnWritten({}, 0);
    }
    piece_ = *std::move(piece);
    stream_.tcp().expires_after(shared_.options.idle_time);
    boost::asio::async_write(
        stream_, boost::asio::buffer(piece_),
        beast::bind_front_handler(&HttpConnection::OnPieceWritten, shared_from_this()));
  }

  void Send(Answer answer, bool close) {
    const bool parsed = parser_->is_done();
    close |= closing_ || !parsed || parser_->get().need_eof() || !parser_->get().keep_alive();
    close_after_ = close;
    body_ = std::move(answer.body);
    response_ = {};
    response_.result(answer.status);
    response_.version(11);
    response_.set(http::field::content_type,
                  beast::string_view(answer.content_type.data(), answer.content_type.size()));
    response_.set("X-Content-Type-Options", "nosniff");
    response_.set(http::field::cache_control, answer.page ? "no-cache" : "no-store");
    if (answer.page) {
      response_.set("Content-Security-Policy", kContentPolicy);
      response_.set("Referrer-Policy", "no-referrer");
    }
    if (answer.status == http::status::unauthorized) {
      response_.set(http::field::www_authenticate, "Bearer");
    }
    if (answer.status == http::status::method_not_allowed) {
      response_.set(http::field::allow, "GET, HEAD");
    }
    response_.keep_alive(!close);
    response_.content_length(body_->size());
    if (!parsed || parser_->get().method() != http::verb::head) {
      response_.body() = {body_->data(), body_->size()};
    }
    serializer_.emplace(response_);
    stream_.tcp().expires_after(shared_.options.idle_time);
    http::async_write(stream_, *serializer_,
                      beast::bind_front_handler(&HttpConnection::OnWritten, shared_from_this()));
  }

  void OnWritten(beast::error_code error, std::size_t) {
    body_ = nullptr;
    if (error || close_after_ || closing_) {
      beast::error_code ignored;
      stream_.tcp().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
      return;
    }
    Read();
  }

  Shared& shared_;
  Transport stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::span_body<const char>> response_;
  std::optional<http::response_serializer<http::span_body<const char>>> serializer_;
  Bytes body_;
  std::optional<RecordingArchive> archive_;
  std::string piece_;  // of it
  bool reading_ = false;
  bool close_after_ = false;
  bool closing_ = false;
};

}  // namespace

void ServeHttp(Shared& shared, boost::asio::ip::tcp::socket socket) {
  std::make_shared<HttpConnection>(shared, std::move(socket))->Start();
}

}  // namespace amdgpu::gateway
