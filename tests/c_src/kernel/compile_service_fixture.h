// A compile service over the fake compiler, with a cache directory of the test's own.

#ifndef AMDGPU_TESTS_C_SRC_KERNEL_COMPILE_SERVICE_FIXTURE_H_
#define AMDGPU_TESTS_C_SRC_KERNEL_COMPILE_SERVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "c_src/kernel/compile_service.h"
#include "tests/c_src/kernel/test_directory.h"

namespace amdgpu {

inline proto::CompileRequest Request(const std::string& source) {
  proto::CompileRequest request;
  request.set_source(source);
  request.set_optimization(3);
  return request;
}

// Whether `condition` becomes true within ten seconds.
template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

class CompileServiceTest : public testing::Test {
 protected:
  CompileServiceOptions Options(const std::string& start = "ok") const {
    CompileServiceOptions options;
    options.compiler_path = FAKE_COMPILER;
    options.compiler_args = {"--log=" + log_path(), "--start=" + start};
    options.cache_dir = cache_dir();
    return options;
  }

  static std::unique_ptr<CompileService> Create(const CompileServiceOptions& options) {
    auto service = CompileService::Create(options);
    EXPECT_TRUE(service.ok()) << service.status();
    return *std::move(service);
  }

  // A compile under way.
  struct Pending {
    CompileService::RequestId id;
    std::future<CompileResult> result;
  };

  static Pending Start(CompileService& service, proto::CompileRequest request) {
    auto promise = std::make_shared<std::promise<CompileResult>>();
    Pending pending;
    pending.result = promise->get_future();
    // A second call of the callback would throw.
    pending.id = service.Compile(std::move(request), [promise](CompileResult result) {
      promise->set_value(std::move(result));
    });
    return pending;
  }

  static CompileResult Compile(CompileService& service, proto::CompileRequest request) {
    return Start(service, std::move(request)).result.get();
  }

  static CompileResult Compile(CompileService& service, const std::string& source) {
    return Compile(service, Request(source));
  }

  std::string cache_dir() const { return directory_.Path("cache"); }
  std::string log_path() const { return directory_.Path("log"); }
  std::string marker() const { return directory_.Path("marker"); }

  std::vector<std::string> LogLines() const {
    std::istringstream text(ReadFile(log_path()));
    std::vector<std::string> lines;
    // The compiler may be killed in the middle of a line: that one does not count.
    for (std::string line; std::getline(text, line) && !text.eof();) lines.push_back(line);
    return lines;
  }

  // How many lines of the compiler's log hold `text`.
  std::ptrdiff_t Logged(const std::string& text) const {
    const std::vector<std::string> lines = LogLines();
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }

  const TestDirectory directory_;
};

}  // namespace amdgpu

#endif  // AMDGPU_TESTS_C_SRC_KERNEL_COMPILE_SERVICE_FIXTURE_H_
