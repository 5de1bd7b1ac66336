// A client of the gateway over a plain socket: HTTP/1.1 and RFC 6455 written out, sharing no code
// with the gateway.

#ifndef AMDGPU_TESTS_TELEMETRY_GATEWAY_CLIENT_H_
#define AMDGPU_TESTS_TELEMETRY_GATEWAY_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>

namespace amdgpu::gateway {

struct WsMessage {
  int opcode = -1;  // 1 text, 2 binary, 8 close, 9 ping; -1: the connection has ended; -2: late
  std::string data;
  bool text() const { return opcode == 1; }
  bool binary() const { return opcode == 2; }
  bool ended() const { return opcode == 8 || opcode == -1; }
  int close_code() const {
    return data.size() < 2
               ? 0
               : static_cast<std::uint8_t>(data[0]) << 8 | static_cast<std::uint8_t>(data[1]);
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { Close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  bool Send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  // The head of an answer, and as much of its body as its Content-Length says; "" if none came.
  std::string ReadResponse(bool body = true, int timeout_ms = 10'000) {
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill(timeout_ms)) return "";
    }
    end += 4;
    std::size_t length = 0;
    const std::size_t field = buffer_.find("Content-Length: ");
    if (body && field < end) length = std::stoul(buffer_.substr(field + 16));
    while (buffer_.size() < end + length) {
      if (!Fill(timeout_ms)) return "";
    }
    std::string response = buffer_.substr(0, end + length);
    buffer_.erase(0, end + length);
    return response;
  }

  std::string Get(const std::string& target, const std::string& headers = "",
                  const std::string& host = "localhost") {
    Send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n");
    return ReadResponse();
  }

  // The answer's head; begins with "HTTP/1.1 101" if it is a WebSocket now.
  std::string Upgrade(const std::string& target = "/socket/websocket?vsn=2.0.0",
                      const std::string& headers = "", const std::string& host = "localhost") {
    Send("GET " + target + " HTTP/1.1\r\nHost: " + host +
         "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         headers + "\r\n");
    return ReadResponse();
  }

  static std::string WsFrame(int opcode, const std::string& data) {
    std::string frame = {static_cast<char>(0x80 | opcode)};
    if (data.size() < 126) {
      frame += static_cast<char>(0x80 | data.size());
    } else if (data.size() < 65536) {
      frame += static_cast<char>(0x80 | 126);
      frame += static_cast<char>(data.size() >> 8);
      frame += static_cast<char>(data.size());
    } else {
      frame += static_cast<char>(0x80 | 127);
      for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>(data.size() >> shift);
    }
    const char mask[4] = {0x12, 0x34, 0x56, 0x78};
    frame.append(mask, 4);
    for (std::size_t i = 0; i < data.size(); ++i) frame += static_cast<char>(data[i] ^ mask[i % 4]);
    return frame;
  }
  bool SendText(const std::string& text) { return Send(WsFrame(1, text)); }
  bool SendBinary(const std::string& bytes) { return Send(WsFrame(2, bytes)); }

  // The next message; pings are answered and passed over.
  WsMessage Receive(int timeout_ms = 10'000) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (std::chrono::steady_clock::now() < until) {
      if (!FillTo(2, timeout_ms)) return {gone_ ? -1 : -2, ""};
      const int opcode = buffer_[0] & 0x0f;
      std::uint64_t length = static_cast<std::uint8_t>(buffer_[1]) & 0x7f;
      std::size_t head = 2;
      if (length >= 126) {
        const std::size_t bytes = length == 126 ? 2 : 8;
        if (!FillTo(2 + bytes, timeout_ms)) return {gone_ ? -1 : -2, ""};
        length = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
          length = length << 8 | static_cast<std::uint8_t>(buffer_[2 + i]);
        }
        head += bytes;
      }
      if (!FillTo(head + length, timeout_ms)) return {gone_ ? -1 : -2, ""};
      WsMessage message{opcode, buffer_.substr(head, length)};
      buffer_.erase(0, head + length);
      if (opcode != 9) return message;
      Send(WsFrame(10, message.data));
    }
    return {-2, ""};
  }

  // True once the other side has closed, whatever came before.
  bool Ends(int timeout_ms = 10'000) {
    while (Fill(timeout_ms)) {
    }
    return gone_;
  }

 private:
  bool FillTo(std::size_t bytes, int timeout_ms) {
    while (buffer_.size() < bytes) {
      if (!Fill(timeout_ms)) return false;
    }
    return true;
  }
  bool Fill(int timeout_ms) {
    pollfd entry{fd_, POLLIN, 0};
    if (poll(&entry, 1, timeout_ms) <= 0) return false;
    char bytes[65536];
    const ssize_t n = recv(fd_, bytes, sizeof(bytes), 0);
    if (n <= 0) {
      gone_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool connected_;
  bool gone_ = false;
  std::string buffer_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TESTS_TELEMETRY_GATEWAY_CLIENT_H_
