#include "c_src/worker/output_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "c_src/base/error.h"

namespace amdgpu::worker {

absl::Status CaptureOutput(gpu::CompletionSink& sink) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "making a pipe for kernels' output");
  if (dup2(ends[1], STDOUT_FILENO) < 0) return ErrnoError(errno, "replacing standard output");
  close(ends[1]);
  // Whole lines at once; a pipe would have them wait for a full buffer.
  setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  std::thread([&sink, end = ends[0]] {
    std::array<char, 4096> text;
    while (true) {
      const ssize_t bytes = read(end, text.data(), text.size());
      if (bytes > 0) sink.OnPrint(0, {text.data(), static_cast<std::size_t>(bytes)});
      if (bytes == 0 || (bytes < 0 && errno != EINTR)) return;
    }
  }).detach();
  return absl::OkStatus();
}

}  // namespace amdgpu::worker
