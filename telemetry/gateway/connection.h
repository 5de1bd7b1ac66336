// One connection, from accept to its end: what the listener, the HTTP part and the WebSocket part
// share.

#ifndef AMDGPU_TELEMETRY_GATEWAY_CONNECTION_H_
#define AMDGPU_TELEMETRY_GATEWAY_CONNECTION_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <unordered_set>

#include "telemetry/gateway/broadcast.h"
#include "telemetry/gateway/gateway.h"
#include "telemetry/gateway/recording.h"
#include "telemetry/gateway/static_files.h"
#include "telemetry/gateway/transport.h"

namespace amdgpu::gateway {

using Request = boost::beast::http::request<boost::beast::http::string_body>;

class Connection {
 public:
  virtual ~Connection() = default;
  // Ends in good order, soon.
  virtual void Drain() = 0;
  // Ends now.
  virtual void Abort() = 0;
};

// On the io thread only; outlives every connection.
struct Shared {
  GatewayOptions options;
  Broadcast broadcast;
  std::optional<StaticFiles> files;
  std::optional<boost::asio::ssl::context> tls;
  std::optional<RecordingControl> recording;
  std::unordered_set<Connection*> connections;
  bool draining = false;

  void Enter(Connection* connection) {
    connections.insert(connection);
    broadcast.counters().connections = connections.size();
  }
  // Tells everybody if it has changed.
  void TellRecording() {
    if (recording->TakeChanged()) broadcast.Notify("recording", recording->State());
  }
  void Leave(Connection* connection) {
    connections.erase(connection);
    broadcast.counters().connections = connections.size();
  }
};

// Serves HTTP on it, until it closes or becomes a WebSocket.
void ServeHttp(Shared& shared, boost::asio::ip::tcp::socket socket);
// Answers an upgrade that was found to be allowed, and serves the channel.
void ServeWebSocket(Shared& shared, Transport stream, const Request& request);

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_CONNECTION_H_
