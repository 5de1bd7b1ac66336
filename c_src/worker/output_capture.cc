#include "c_src/worker/output_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <thread>

#include "c_src/base/error.h"

namespace amdgpu::worker {
namespace {

class Reader {
 public:
  Reader(gpu::CompletionSink& sink, int end) : sink_(sink), end_(end) {}

  // Gives what there is. False: there will be no more.
  bool Give() {
    // Whoever comes second returns when the first has given all.
    const std::lock_guard lock(mutex_);
    while (true) {
      const ssize_t bytes = read(end_, text_.data(), text_.size());
      if (bytes > 0) sink_.OnPrint(0, {text_.data(), static_cast<std::size_t>(bytes)});
      if (bytes == 0) return false;
      if (bytes < 0 && errno != EINTR) return errno == EAGAIN;
    }
  }

  void Run() {
    pollfd wait = {end_, POLLIN, 0};
    do {
      while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
      }
    } while (Give());
  }

 private:
  gpu::CompletionSink& sink_;
  const int end_;
  std::mutex mutex_;
  std::array<char, 4096> text_;
};

}  // namespace

absl::StatusOr<std::function<void()>> CaptureOutput(gpu::CompletionSink& sink) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe for kernels' output");
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
    return ErrnoError(errno, "replacing standard output");
  }
  close(ends[1]);
  // Whole lines at once; a pipe would have them wait for a full buffer.
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  auto* const reader = new Reader(sink, ends[0]);
  std::thread([reader] { reader->Run(); }).detach();
  return [reader] {
    fflush(stdout);
    reader->Give();
  };
}

}  // namespace amdgpu::worker
