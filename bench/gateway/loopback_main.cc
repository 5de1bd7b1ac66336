// What this machine's kernel takes to bring the same messages over loopback with no protocol at
// all: one process that sends to many sockets, and one that reads them. What any server is measured
// against.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {
namespace {

struct Options {
  int clients = 1000;
  int seconds = 3;
  int bytes = 2058;
};

double Microseconds(std::uint64_t ns, std::uint64_t messages) {
  return static_cast<double>(ns) / 1e3 / static_cast<double>(messages);
}

// Connects and reads until the other side closes. Processor time of a message, in microseconds.
double ReadAll(const sockaddr_in& address, const Options& options, int ready) {
  const UniqueFd poll(epoll_create1(EPOLL_CLOEXEC));
  std::vector<UniqueFd> sockets;
  for (int i = 0; i < options.clients; ++i) {
    sockets.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int fd = sockets.back().get();
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return 0;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.fd = fd;
    epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event);
  }
  const std::uint64_t before = ProcessCpuNs();
  if (write(ready, "r", 1) != 1) return 0;
  std::vector<char> chunk(std::size_t{1} << 18);
  std::array<epoll_event, 256> events{};
  std::uint64_t bytes = 0;
  int open = options.clients;
  while (open > 0) {
    const int count = epoll_wait(poll.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const ssize_t got = recv(events[static_cast<std::size_t>(i)].data.fd, chunk.data(),
                               chunk.size(), MSG_DONTWAIT);
      if (got == 0) --open;
      if (got > 0) bytes += static_cast<std::uint64_t>(got);
    }
  }
  return Microseconds(ProcessCpuNs() - before, bytes / static_cast<std::uint64_t>(options.bytes));
}

int Run(const Options& options) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  std::array<int, 2> told{};
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener.get(), 4096) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      pipe(told.data()) != 0) {
    std::perror("loopback_floor");
    return 1;
  }
  const pid_t reader = fork();
  if (reader == 0) {
    const double us = ReadAll(address, options, told[1]);
    _exit(write(told[1], &us, sizeof(us)) == sizeof(us) ? 0 : 1);
  }
  // A reader that could not connect, for want of descriptors say, is not waited for.
  const timeval patience = {10, 0};
  setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::vector<UniqueFd> sockets;
  for (int i = 0; i < options.clients; ++i) {
    sockets.emplace_back(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (sockets.back().get() < 0) {
      std::perror("loopback_floor: accept");
      return 1;
    }
    const int on = 1;
    setsockopt(sockets.back().get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  char ready = 0;
  if (read(told[0], &ready, 1) != 1) return 1;
  const std::string message(static_cast<std::size_t>(options.bytes), 'x');
  const std::uint64_t before = ProcessCpuNs();
  std::uint64_t sent = 0;
  auto next = std::chrono::steady_clock::now();
  for (int frame = 0; frame < options.seconds * 60; ++frame) {
    for (const UniqueFd& socket : sockets) {
      sent += send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL) > 0 ? 1 : 0;
    }
    std::this_thread::sleep_until(next += std::chrono::nanoseconds(1'000'000'000 / 60));
  }
  const double send_us = Microseconds(ProcessCpuNs() - before, sent);
  sockets.clear();
  double read_us = 0;
  if (read(told[0], &read_us, sizeof(read_us)) != sizeof(read_us)) return 1;
  waitpid(reader, nullptr, 0);
  const double cores = std::thread::hardware_concurrency();
  std::printf(
      "the kernel alone, %d sockets: %.1f us a send, %.1f us a read; with %.0f cores for both at "
      "most %.0f clients at 60 Hz\n",
      options.clients, send_us, read_us, cores, cores * 1e6 / (send_us + read_us) / 60);
  return 0;
}

}  // namespace
}  // namespace amdgpu

int main(int argc, char** argv) {
  amdgpu::Options options;
  CLI::App app("Messages over loopback with no protocol: what this machine's kernel takes.");
  app.add_option("--clients", options.clients)->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--bytes", options.bytes, "of a message")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return amdgpu::Run(options);
}
