// The runtime's side of attach.h: a socket that gives the frame board away.

#ifndef AMDGPU_TELEMETRY_ATTACH_SERVER_H_
#define AMDGPU_TELEMETRY_ATTACH_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu::telemetry {

// A thread that sleeps unless somebody comes or goes. Processes of the same user and of root are
// served, kMaxAttached at once; more are turned away.
class AttachServer {
 public:
  static constexpr int kMaxAttached = 128;

  // `board_fd` can only be read and outlives the server. `on_change` is called with attached() by
  // the server's thread, after somebody came or went.
  static absl::StatusOr<std::unique_ptr<AttachServer>> Start(
      int board_fd, std::function<void(int attached)> on_change = [](int) {});
  // Removes the entry and ends the connections.
  ~AttachServer();
  AttachServer(const AttachServer&) = delete;
  AttachServer& operator=(const AttachServer&) = delete;

  const std::string& socket_path() const { return path_; }
  // Processes that are attached now.
  int attached() const { return attached_.load(std::memory_order_relaxed); }

 private:
  AttachServer(int board_fd, std::string path, UniqueFd listener, UniqueFd stop,
               std::function<void(int)> on_change);
  void Run();
  // The connection of a process that was served; invalid for one that was turned away.
  UniqueFd Accept();

  const int board_fd_;
  const std::string path_;
  const UniqueFd listener_;
  const UniqueFd stop_;
  const std::function<void(int)> on_change_;
  std::atomic<int> attached_{0};
  std::thread thread_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_ATTACH_SERVER_H_
