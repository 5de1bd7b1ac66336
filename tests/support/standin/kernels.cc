// The stand-in's built-in kernels: those of tests/gpu/contract_kernels.hip, some for tests of the
// runtime, and some that fail as kernels on a GPU do.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "tests/support/standin/standin.h"

namespace standin {
namespace {

// Arguments one after another, each at a multiple of its size.
class Arguments {
 public:
  explicit Arguments(const std::byte* bytes) : bytes_(bytes) {}
  template <typename T>
  T Next() {
    offset_ = (offset_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    T value;
    std::memcpy(&value, bytes_ + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

 private:
  const std::byte* bytes_;
  std::size_t offset_ = 0;
};

// The memory behind a pointer argument; null if a kernel that touched it would fault.
template <typename T>
T* Device(T* pointer, std::size_t count) {
  const bool good = IsDeviceMemory(reinterpret_cast<Address>(pointer), count * sizeof(T));
  return good ? pointer : nullptr;
}

Result Empty(Module, const std::byte*, const Shape&, std::byte*) { return kSuccess; }

Result Add(Module, const std::byte* args, const Shape& shape, std::byte*) {
  Arguments next(args);
  const auto* a = next.Next<const float*>();
  const auto* b = next.Next<const float*>();
  auto* out = next.Next<float*>();
  const auto n = next.Next<std::uint32_t>();
  if (!Device(a, n) || !Device(b, n) || !Device(out, n)) return kIllegalAddress;
  const std::uint64_t threads = shape.Blocks() * shape.Threads();
  for (std::uint64_t i = 0; i < n && i < threads; ++i) out[i] = a[i] + b[i];
  return kSuccess;
}

Result Visit(Module, const std::byte* args, const Shape& shape, std::byte*) {
  Arguments next(args);
  auto* visits = next.Next<std::uint32_t*>();
  auto* seen = next.Next<std::uint32_t*>();
  const std::uint64_t threads = shape.Blocks() * shape.Threads();
  if (!Device(visits, threads) || !Device(seen, 6)) return kIllegalAddress;
  for (std::uint64_t i = 0; i < threads; ++i) ++visits[i];
  for (int i = 0; i < 3; ++i) {
    seen[i] = shape.grid[i];
    seen[3 + i] = shape.block[i];
  }
  return kSuccess;
}

Result SpinUntil(Module, const std::byte* args, const Shape&, std::byte*) {
  Arguments next(args);
  auto* flag = next.Next<std::uint32_t*>();
  auto* done = next.Next<std::uint32_t*>();
  if (!Device(flag, 1) || !Device(done, 1)) return kIllegalAddress;
  while (std::atomic_ref<std::uint32_t>(*flag).load() == 0) usleep(50);
  *done = 1;
  return kSuccess;
}

Result Append(Module, const std::byte* args, const Shape&, std::byte*) {
  Arguments next(args);
  auto* log = next.Next<std::uint32_t*>();
  const auto value = next.Next<std::uint32_t>();
  if (!Device(log, 1) || !Device(log, log[0] + 2)) return kIllegalAddress;
  log[++log[0]] = value;
  return kSuccess;
}

std::uint32_t* Variable(Module module, const char* name) {
  Address address = 0;
  std::size_t bytes = 0;
  ModuleGetGlobal(&address, &bytes, module, name);
  return reinterpret_cast<std::uint32_t*>(address);
}

Result Bump(Module module, const std::byte*, const Shape& shape, std::byte*) {
  *Variable(module, "counter") += static_cast<std::uint32_t>(shape.Blocks() * shape.Threads());
  return kSuccess;
}

Result ReadGlobals(Module module, const std::byte* args, const Shape&, std::byte*) {
  auto* out = Arguments(args).Next<std::uint32_t*>();
  if (!Device(out, 5)) return kIllegalAddress;
  out[0] = *Variable(module, "counter");
  for (int i = 0; i < 4; ++i) out[1 + i] = Variable(module, "table")[i];
  return kSuccess;
}

Result Reverse(Module, const std::byte* args, const Shape& shape, std::byte* dynamic_shared) {
  auto* out = Arguments(args).Next<std::uint32_t*>();
  auto* numbers = reinterpret_cast<std::uint32_t*>(dynamic_shared);
  const unsigned threads = shape.block[0];
  if (!Device(out, shape.grid[0] * threads)) return kIllegalAddress;
  for (unsigned block = 0; block < shape.grid[0]; ++block) {
    for (unsigned i = 0; i < threads; ++i) numbers[i] = block * 1000 + i;
    for (unsigned i = 0; i < threads; ++i) out[block * threads + i] = numbers[threads - 1 - i];
  }
  return kSuccess;
}

Result Print(Module, const std::byte* args, const Shape& shape, std::byte*) {
  const auto value = Arguments(args).Next<std::int32_t>();
  for (unsigned block = 0; block < shape.grid[0]; ++block) {
    std::printf("block %u: %d\n", block, value);
  }
  std::fflush(stdout);
  return kSuccess;
}

Result AddOne(Module, const std::byte* args, const Shape&, std::byte*) {
  Arguments next(args);
  auto* data = next.Next<std::int32_t*>();
  const auto count = next.Next<std::int32_t>();
  if (!Device(data, static_cast<std::size_t>(count))) return kIllegalAddress;
  for (std::int32_t i = 0; i < count; ++i) ++data[i];
  return kSuccess;
}

// Takes the time it is told, in microseconds.
Result Spin(Module, const std::byte* args, const Shape&, std::byte*) {
  usleep(static_cast<useconds_t>(Arguments(args).Next<std::uint64_t>()));
  return kSuccess;
}

Result Hang(Module, const std::byte*, const Shape&, std::byte*) {
  while (true) pause();
}

// Ends as the number says that a kernel did: 700 an illegal address, 715 a trap, 46 a device that
// is gone.
Result Fail(Module, const std::byte* args, const Shape&, std::byte*) {
  return Arguments(args).Next<std::int32_t>();
}

// What HIP does on an illegal address.
Result AbortProcess(Module, const std::byte*, const Shape&, std::byte*) {
  std::fprintf(stderr, "Memory access fault by GPU node-1 on address 0x1000.\n");
  std::abort();
}

// Tries what a worker's sandbox forbids; notes what each attempt came to, 0 or an errno.
Result Forbidden(Module, const std::byte* args, const Shape&, std::byte*) {
  auto* out = Arguments(args).Next<std::int32_t*>();
  if (!Device(out, 5)) return kIllegalAddress;
  const auto note = [&out](bool failed) { *out++ = failed ? errno : 0; };
  char path[] = "/bin/true";
  char* const argv[] = {path, nullptr};
  note(execv(path, argv) != 0);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  note(child < 0);
  note(socket(AF_INET, SOCK_STREAM, 0) < 0);
  note(kill(getppid(), 0) != 0);
  // Allowed: vendors' runtimes read files and make threads.
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  note(file < 0);
  std::thread([] {}).join();
  return kSuccess;
}

// The same for files: the one that AMD_STANDIN_FILE names, read, written and beside it a new one;
// the system's, read and written; a device's node.
Result Files(Module, const std::byte* args, const Shape&, std::byte*) {
  auto* out = Arguments(args).Next<std::int32_t*>();
  if (!Device(out, 6)) return kIllegalAddress;
  const auto note = [&out](const std::string& path, int flags) {
    const int file = open(path.c_str(), flags | O_CLOEXEC, 0600);
    *out++ = file < 0 ? errno : 0;
    if (file >= 0) close(file);
  };
  const char* const name = std::getenv("AMD_STANDIN_FILE");
  const std::string own = name != nullptr ? name : "";
  note(own, O_RDONLY);
  note(own, O_WRONLY);
  note(own + ".new", O_WRONLY | O_CREAT);
  note("/etc/passwd", O_RDONLY);
  note("/etc/passwd", O_WRONLY);
  note("/dev/null", O_WRONLY);
  return kSuccess;
}

}  // namespace

const std::vector<BuiltIn>& BuiltIns() {
  static const auto& kernels = *new std::vector<BuiltIn>{
      {"empty", Empty},
      {"add", Add},
      {"visit", Visit},
      {"spin_until", SpinUntil},
      {"append", Append},
      {"bump", Bump},
      {"read_globals", ReadGlobals},
      {"reverse", Reverse},
      {"print", Print},
      {"add_one", AddOne},
      {"spin", Spin},
      {"hang", Hang},
      {"fail", Fail},
      {"abort_process", AbortProcess},
      {"forbidden", Forbidden},
      {"files", Files},
  };
  return kernels;
}

}  // namespace standin
