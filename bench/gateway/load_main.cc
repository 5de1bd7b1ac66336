// Many subscribers of the telemetry channel at once, of the gateway or of the Phoenix application:
// how old frames are when they arrive, how many are missed, and what of a core the server and this
// program take. One thread, which for each frame makes one system call and looks at its head alone.

#include <arpa/inet.h>
#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "c_src/base/clock.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {
namespace {

struct Options {
  std::uint16_t port = 9477;
  int clients = 100;
  int stalled = 0;  // that join and never read
  int seconds = 5;
  std::string token;
  int server = 0;  // its process; 0 = not known
};

// Of a Frame: its first two fields.
struct FrameHead {
  std::uint64_t sequence = 0;
  std::uint64_t time_ns = 0;
};

// A message of the Phoenix protocol, version 2, as binary: the payload of a push (with its join's
// reference) or of a broadcast (without).
std::optional<absl::string_view> PayloadOf(absl::string_view message) {
  if (message.size() < 4) return std::nullopt;
  const auto size = [&](std::size_t i) { return static_cast<unsigned char>(message[i]); };
  const bool push = message[0] == 0;
  if (!push && message[0] != 2) return std::nullopt;
  std::size_t head = push ? 4 : 3;
  for (std::size_t i = 1; i < (push ? 4u : 3u); ++i) head += size(i);
  if (head > message.size()) return std::nullopt;
  return message.substr(head);
}

std::optional<FrameHead> HeadOf(absl::string_view frame) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(frame.data()),
                                            static_cast<int>(frame.size()));
  FrameHead head;
  if (in.ReadTag() != 8 || !in.ReadVarint64(&head.sequence)) return std::nullopt;
  if (in.ReadTag() != 16 || !in.ReadVarint64(&head.time_ns)) return std::nullopt;
  return head;
}

struct Totals {
  std::vector<std::uint32_t> ages_us;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t missed = 0;
  std::uint64_t repeated = 0;
  std::uint64_t closed = 0;
};

class Client {
 public:
  // Blocks until it has joined; null and a line on stderr if it could not.
  static std::optional<Client> Join(const Options& options) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      std::perror("connect");
      return std::nullopt;
    }
    const std::string token = options.token.empty() ? "" : absl::StrCat("&token=", options.token);
    Send(fd, absl::StrCat("GET /socket/websocket?vsn=2.0.0", token,
                          " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                          "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    std::string head;
    char part[512];
    // Nothing comes behind it before we have joined.
    while (!absl::EndsWith(head, "\r\n\r\n")) {
      const ssize_t got = recv(fd.get(), part, sizeof(part), 0);
      if (got <= 0) return std::nullopt;
      head.append(part, static_cast<std::size_t>(got));
    }
    if (!absl::StartsWith(head, "HTTP/1.1 101")) {
      std::fprintf(stderr, "refused: %s\n", head.substr(0, head.find('\r')).c_str());
      return std::nullopt;
    }
    Send(fd, Masked(R"(["1","1","gpu:telemetry","phx_join",{"launch_events":false}])"));
    fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return Client(std::move(fd));
  }

  int fd() const { return fd_.get(); }

  // Reads all that is there. False when the connection has ended.
  bool Read(bool count, Totals* totals) {
    static char chunk[1 << 18];
    ssize_t got;
    do {
      got = recv(fd_.get(), chunk, sizeof(chunk), 0);
      if (got <= 0) return got < 0 && errno == EAGAIN;
      const std::uint64_t now = NowNs();
      // Mostly whole messages come, which are looked at where they are.
      absl::string_view rest(chunk, static_cast<std::size_t>(got));
      if (!buffer_.empty()) {
        buffer_.append(chunk, static_cast<std::size_t>(got));
        rest = buffer_;
      }
      while (const std::optional<absl::string_view> message = NextMessage(&rest)) {
        Take(*message, now, count, totals);
      }
      if (buffer_.empty()) {
        buffer_.assign(rest.data(), rest.size());
      } else {
        buffer_.erase(0, buffer_.size() - rest.size());
      }
    } while (got == sizeof(chunk));
    return true;
  }

 private:
  explicit Client(UniqueFd fd) : fd_(std::move(fd)) {}

  static void Send(const UniqueFd& fd, absl::string_view bytes) {
    if (send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) std::perror("send");
  }

  // A client's text frame; a mask of zeros leaves the text as it is.
  static std::string Masked(absl::string_view text) {
    return absl::StrCat(std::string{'\x81', static_cast<char>(0x80 | text.size())},
                        std::string(4, '\0'), text);
  }

  // The next whole WebSocket frame; empty for what is not binary.
  static std::optional<absl::string_view> NextMessage(absl::string_view* rest) {
    if (rest->size() < 2) return std::nullopt;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>((*rest)[i]); };
    std::size_t size = byte(1) & 0x7f;
    std::size_t head = 2;
    if (size == 126) {
      if (rest->size() < 4) return std::nullopt;
      size = std::size_t{byte(2)} << 8 | byte(3);
      head = 4;
    } else if (size == 127) {
      if (rest->size() < 10) return std::nullopt;
      size = 0;
      for (std::size_t i = 2; i < 10; ++i) size = size << 8 | byte(i);
      head = 10;
    }
    if (rest->size() - head < size) return std::nullopt;
    const bool binary = (byte(0) & 15) == 2;
    const absl::string_view message = rest->substr(head, binary ? size : 0);
    rest->remove_prefix(head + size);
    return message;
  }

  void Take(absl::string_view message, std::uint64_t now, bool count, Totals* totals) {
    const std::optional<absl::string_view> payload = PayloadOf(message);
    const std::optional<FrameHead> head = payload ? HeadOf(*payload) : std::nullopt;
    if (!head) return;
    if (count) {
      ++totals->frames;
      totals->bytes += message.size();
      totals->ages_us.push_back(static_cast<std::uint32_t>((now - head->time_ns) / 1000));
      if (last_ != 0 && head->sequence <= last_) ++totals->repeated;
      if (last_ != 0 && head->sequence > last_) totals->missed += head->sequence - last_ - 1;
    }
    last_ = head->sequence;
  }

  UniqueFd fd_;
  std::string buffer_;
  std::uint64_t last_ = 0;  // sequence
};

double OwnCpuSeconds() { return static_cast<double>(ProcessCpuNs()) / 1e9; }

// What the server has used of the processors, and the memory that it has; 0 if it is not known.
double ServerCpuSeconds(int pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string word;
  for (int i = 0; i < 13; ++i) file >> word;  // its name has no spaces
  double user = 0;
  double system = 0;
  file >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}
double ServerMegabytes(int pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/statm"));
  double total = 0;
  double resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

void PrintHead() {
  std::printf("%8s %8s %9s %7s %8s %8s %8s %8s %8s %8s %8s %9s %8s\n", "reading", "stalled",
              "frames/s", "bytes", "p50 ms", "p99", "p99.9", "largest", "missed", "repeated",
              "closed", "server", "memory");
}

void Print(const Options& options, Totals totals, double server_cpu_s, double own_cpu_s) {
  std::sort(totals.ages_us.begin(), totals.ages_us.end());
  const auto at = [&](double quantile) {
    if (totals.ages_us.empty()) return 0.0;
    const auto last = static_cast<double>(totals.ages_us.size() - 1);
    return totals.ages_us[static_cast<std::size_t>(quantile * last)] / 1e3;
  };
  const double frames = static_cast<double>(std::max<std::uint64_t>(totals.frames, 1));
  std::printf("%8d %8d %9.1f %7.0f %8.2f %8.2f %8.2f %8.2f %8llu %8llu %8llu %7.0f %% %5.0f MB",
              options.clients, options.stalled,
              static_cast<double>(totals.frames) / options.clients / options.seconds,
              static_cast<double>(totals.bytes) / frames, at(0.5), at(0.99), at(0.999), at(1),
              static_cast<unsigned long long>(totals.missed),
              static_cast<unsigned long long>(totals.repeated),
              static_cast<unsigned long long>(totals.closed), 100 * server_cpu_s / options.seconds,
              ServerMegabytes(options.server));
  std::printf("   (this program %.0f %%)\n", 100 * own_cpu_s / options.seconds);
}

int Run(const Options& options) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  UniqueFd poll(epoll_create1(EPOLL_CLOEXEC));
  std::vector<Client> clients;
  clients.reserve(static_cast<std::size_t>(options.clients + options.stalled));
  Totals totals;
  totals.ages_us.reserve(static_cast<std::size_t>(options.clients) * 60 *
                         static_cast<std::size_t>(options.seconds));
  const auto read = [&](int wait_ms, bool count) {
    epoll_event events[512];
    const int ready = epoll_wait(poll.get(), events, 512, wait_ms);
    for (int i = 0; i < ready; ++i) {
      Client& client = clients[events[i].data.u32];
      if (client.Read(count, &totals)) continue;
      ++totals.closed;
      epoll_ctl(poll.get(), EPOLL_CTL_DEL, client.fd(), nullptr);
    }
  };
  for (int i = 0; i < options.clients + options.stalled; ++i) {
    std::optional<Client> client = Client::Join(options);
    if (!client) return 1;
    clients.push_back(*std::move(client));
    if (i >= options.clients) continue;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u32 = static_cast<std::uint32_t>(i);
    epoll_ctl(poll.get(), EPOLL_CTL_ADD, clients.back().fd(), &event);
    // Who waits for the last to join must not find a heap of old frames then.
    read(0, false);
  }
  // A second to settle.
  const std::uint64_t warm = NowNs() + 1'000'000'000;
  const std::uint64_t end = warm + static_cast<std::uint64_t>(options.seconds) * 1'000'000'000;
  double server_s = 0;
  double own_s = 0;
  bool counting = false;
  for (std::uint64_t now = NowNs(); now < end; now = NowNs()) {
    if (now >= warm && !std::exchange(counting, true)) {
      server_s = ServerCpuSeconds(options.server);
      own_s = OwnCpuSeconds();
    }
    read(100, counting);
  }
  Print(options, std::move(totals), ServerCpuSeconds(options.server) - server_s,
        OwnCpuSeconds() - own_s);
  return 0;
}

}  // namespace
}  // namespace amdgpu

int main(int argc, char** argv) {
  amdgpu::Options options;
  CLI::App app(
      "Subscribers of the telemetry channel on this machine: how old frames are when they arrive.");
  app.add_option("--port", options.port)->capture_default_str();
  app.add_option("--clients", options.clients)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--stalled", options.stalled, "more, that join and never read")
      ->capture_default_str();
  app.add_option("--seconds", options.seconds)->check(CLI::Range(1, 60))->capture_default_str();
  app.add_option("--token", options.token, "percent-encoded");
  app.add_option("--server", options.server, "process id, to tell what it uses");
  bool head = false;
  app.add_flag("--head", head, "print the names of the columns, and nothing else");
  CLI11_PARSE(app, argc, argv);
  if (head) {
    amdgpu::PrintHead();
    return 0;
  }
  return amdgpu::Run(options);
}
