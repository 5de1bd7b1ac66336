// A client of the channel. At most one message is being written to it; behind that wait its answers
// (no more is read from it while there are many), the newest frame, and a few notices.

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <utility>

#include "telemetry/gateway/channel.h"
#include "telemetry/gateway/channel_message.h"
#include "telemetry/gateway/connection.h"

namespace amdgpu::gateway {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr std::size_t kMaxAnswers = 16;
constexpr std::size_t kMaxNotices = 16;

// What a server sends before a whole message (RFC 6455, 5.2).
std::string MessageHead(bool text, std::uint64_t bytes) {
  std::string head(1, text ? '\x81' : '\x82');
  const int length_bytes = bytes < 126 ? 0 : (bytes < 65'536 ? 2 : 8);
  head.push_back(static_cast<char>(length_bytes == 0 ? bytes : (length_bytes == 2 ? 126 : 127)));
  for (int i = length_bytes - 1; i >= 0; --i) head.push_back(static_cast<char>(bytes >> (8 * i)));
  return head;
}

class WebSocketConnection : public Connection,
                            public Subscriber,
                            public std::enable_shared_from_this<WebSocketConnection> {
 public:
  WebSocketConnection(Shared& shared, Transport stream, const Request& request)
      : shared_(shared),
        socket_(std::move(stream)),
        request_(request),
        buffer_(shared.options.max_message_bytes + 1),
        channel_(shared.recording.has_value() ? &*shared.recording : nullptr) {
    shared_.Enter(this);
  }
  ~WebSocketConnection() override {
    shared_.broadcast.Remove(this);
    shared_.Leave(this);
  }

  void Accept() {
    socket_.set_option(websocket::stream_base::timeout{
        shared_.options.handshake_time, shared_.options.idle_time, /*keep_alive_pings=*/true});
    socket_.read_message_max(shared_.options.max_message_bytes);
    socket_.auto_fragment(false);
    const beast::string_view offered = request_[beast::http::field::sec_websocket_protocol];
    // The client that sends its token as a subprotocol wants the other one confirmed.
    if (offered.find("phoenix") != beast::string_view::npos) {
      socket_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
        response.set(beast::http::field::sec_websocket_protocol, "phoenix");
      }));
    }
    socket_.async_accept(
        request_, beast::bind_front_handler(&WebSocketConnection::OnAccepted, shared_from_this()));
  }

  void Offer(const std::shared_ptr<EncodedFrame>& frame) override {
    const Subscription* subscription = channel_.subscription();
    if (subscription == nullptr ||
        !pace_->Due(frame->frame().time_ns(), frame->frame().interval_ns())) {
      return;
    }
    if (frame_ != nullptr) ++shared_.broadcast.counters().frames_conflated_total;
    frame_ = frame;
    launches_ =
        (subscription->topics & telemetry::kTopicKernels) != 0 ? frame->Launches() : nullptr;
    Write();
  }

  void Notice(absl::string_view event, const std::string& payload) override {
    if (notices_.size() == kMaxNotices) notices_.pop_front();
    notices_.push_back({event, payload});
    Write();
  }

  void Drain() override {
    if (closing_) return;
    closing_ = true;
    reason_ = {websocket::close_code::going_away, "the gateway ends"};
    Forget();
    Write();
  }
  void Abort() override { beast::get_lowest_layer(socket_).close(); }

 private:
  void OnAccepted(beast::error_code error) {
    request_ = {};
    if (error) return;
    open_ = true;
    Read();
    Write();
  }

  void Read() {
    reading_ = true;
    socket_.async_read(buffer_,
                       beast::bind_front_handler(&WebSocketConnection::OnRead, shared_from_this()));
  }

  void OnRead(beast::error_code error, std::size_t) {
    reading_ = false;
    if (error) return End();
    const auto data = buffer_.cdata();
    const absl::string_view bytes(static_cast<const char*>(data.data()), data.size());
    absl::StatusOr<ChannelMessage> message =
        socket_.got_text() ? ParseText(bytes) : ParseBinary(bytes);
    buffer_.consume(buffer_.size());
    if (closing_) return Read();  // until the client has closed, too
    if (!message.ok()) {
      closing_ = true;
      const absl::string_view why = message.status().message().substr(0, 120);
      reason_ = {websocket::close_code::bad_payload, beast::string_view(why.data(), why.size())};
      Forget();
      Write();
      return Read();
    }
    const std::uint64_t generation = channel_.generation();
    for (std::string& answer : channel_.Handle(*message)) answers_.push_back(std::move(answer));
    if (channel_.generation() != generation) Rejoined();
    if (shared_.recording.has_value()) shared_.TellRecording();
    Write();
    if (answers_.size() < kMaxAnswers) Read();
  }

  // What was joined is another now, or nothing.
  void Rejoined() {
    frame_ = nullptr;
    launches_ = nullptr;
    notices_.clear();
    shared_.broadcast.Remove(this);
    const Subscription* subscription = channel_.subscription();
    if (subscription == nullptr) return;
    pace_.emplace(subscription->rate_hz);
    shared_.broadcast.Add(this);
    if (shared_.broadcast.replay()) Notice("status", shared_.broadcast.Status());
    if (shared_.broadcast.latest() != nullptr) Offer(shared_.broadcast.latest());
  }

  // Nothing more is sent to it.
  void Forget() {
    shared_.broadcast.Remove(this);
    answers_.clear();
    notices_.clear();
    frame_ = nullptr;
    launches_ = nullptr;
  }

  // The other side has gone, or is as good as gone: what is being written must not wait for it.
  void End() {
    ended_ = true;
    Forget();
    Abort();
  }

  // Sends what there is to send, until a message has to wait for the socket.
  void Write() {
    while (!writing_ && open_ && !ended_ && WriteNext()) {
    }
  }

  // Begins with the next message. False if there is none, or it was the last one.
  bool WriteNext() {
    if (!answers_.empty()) {
      head_ = std::move(answers_.front());
      answers_.pop_front();
      Send(nullptr, "", true);
      return true;
    }
    if (closing_) {
      writing_ = true;  // for good
      socket_.async_close(reason_,
                          [self = shared_from_this()](beast::error_code) { self->ended_ = true; });
      return false;
    }
    if (!notices_.empty()) {
      auto [event, text] = std::move(notices_.front());
      notices_.pop_front();
      head_ = TextPushHead(channel_.join_ref(), kTelemetryTopic, event);
      Send(std::make_shared<const std::string>(std::move(text)), kTextEnd, true);
      return true;
    }
    if (launches_ != nullptr) {
      head_ = TextPushHead(channel_.join_ref(), kTelemetryTopic, "kernel_launched");
      Send(std::exchange(launches_, nullptr), kTextEnd, true);
      return true;
    }
    if (frame_ != nullptr) {
      const Subscription& subscription = *channel_.subscription();
      const bool json = subscription.encoding == Encoding::kJson;
      Bytes payload = frame_->Payload(subscription.encoding, subscription.topics);
      frame_ = nullptr;
      head_ = (json ? TextPushHead : BinaryPushHead)(channel_.join_ref(), kTelemetryTopic,
                                                     "telemetry_update");
      GatewayCounters& counters = shared_.broadcast.counters();
      ++counters.frames_sent_total;
      counters.sent_bytes_total += payload->size();
      Send(std::move(payload), json ? kTextEnd : "", json);
      return true;
    }
    return false;
  }

  auto OnWrittenHandler() {
    return beast::bind_front_handler(&WebSocketConnection::OnWritten, shared_from_this());
  }

  // head_, the payload and the tail as one message. writing_ afterwards: it is on its way.
  void Send(Bytes payload, absl::string_view tail, bool text) {
    const std::array<boost::asio::const_buffer, 3> parts = {
        boost::asio::buffer(head_),
        payload == nullptr ? boost::asio::const_buffer() : boost::asio::buffer(*payload),
        boost::asio::const_buffer(tail.data(), tail.size())};
    writing_ = true;
    if (socket_.is_open()) {
      const std::string frame_head = MessageHead(text, boost::asio::buffer_size(parts));
      switch (socket_.next_layer().WriteNow(
          {boost::asio::buffer(frame_head), parts[0], parts[1], parts[2]}, OnWrittenHandler())) {
        case Transport::Written::kAll:
          writing_ = false;
          return;
        case Transport::Written::kLater:
          return;
        case Transport::Written::kNothing:
          break;
      }
    }
    payload_ = std::move(payload);
    socket_.text(text);
    socket_.async_write(parts, OnWrittenHandler());
  }

  void OnWritten(beast::error_code error, std::size_t) {
    writing_ = false;
    payload_ = nullptr;
    if (error) return End();
    Write();
    if (!reading_ && answers_.size() < kMaxAnswers) Read();
  }

  Shared& shared_;
  // No compression: frames are small, and it would cost each client its own.
  websocket::stream<Transport, false> socket_;
  Request request_;
  beast::flat_buffer buffer_;
  Channel channel_;
  std::optional<Pace> pace_;
  websocket::close_reason reason_;

  std::deque<std::string> answers_;
  std::deque<std::pair<absl::string_view, std::string>> notices_;  // events and payloads
  Bytes launches_;
  std::shared_ptr<EncodedFrame> frame_;
  std::string head_;  // with payload_: what is being written
  Bytes payload_;

  bool open_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool closing_ = false;
  bool ended_ = false;
};

}  // namespace

void ServeWebSocket(Shared& shared, Transport stream, const Request& request) {
  std::make_shared<WebSocketConnection>(shared, std::move(stream), request)->Accept();
}

}  // namespace amdgpu::gateway
