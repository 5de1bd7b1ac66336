#include "gpu/host/driver/device_print.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "gpu/host/driver/running_launch.h"

namespace amdgpu::host {
namespace {

void Print(absl::string_view text) {
  RunningLaunch* launch = MutableCurrentLaunch();
  if (launch != nullptr && launch->print != nullptr) launch->print->Write(text);
}

}  // namespace

void PrintStream::Write(absl::string_view text) {
  if (text.empty()) return;
  if (bytes_.load(std::memory_order_relaxed) >= kMaxBytes ||
      bytes_.fetch_add(text.size(), std::memory_order_relaxed) + text.size() > kMaxBytes) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  sink_.OnPrint(ticket_, text);
}

void PrintStream::Finish() {
  const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);
  if (dropped == 0) return;
  sink_.OnPrint(ticket_, absl::StrCat("[", dropped, " more prints were dropped]\n"));
}

extern "C" {

int AmdgpuDevicePrintf(const char* format, ...) {
  char text[PrintStream::kMaxCallBytes];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (length > 0) {
    Print(absl::string_view(text, std::min<std::size_t>(length, sizeof(text) - 1)));
  }
  return length;
}

int AmdgpuDevicePuts(const char* text) { return AmdgpuDevicePrintf("%s\n", text); }

int AmdgpuDevicePutchar(int character) {
  const char text = static_cast<char>(character);
  Print(absl::string_view(&text, 1));
  return static_cast<unsigned char>(text);
}

void AmdgpuDeviceAbort() { abort(); }

void AmdgpuDeviceAssertFail(const char* expression, const char* file, int line,
                            const char* function) {
  if (RunningLaunch* launch = MutableCurrentLaunch(); launch != nullptr) {
    snprintf(launch->message, sizeof(launch->message), "%s:%d: %s: assertion `%s` failed", file,
             line, function, expression);
    if (launch->print != nullptr) launch->print->Write(absl::StrCat(launch->message, "\n"));
  }
  abort();
}

}  // extern "C"

}  // namespace amdgpu::host
