// The text that vendors' compilers write. The first line of the input is the source's name, what
// follows up to an empty line the source.

#include "gpu/vendor/compiler/compile_log.h"

#include <string>

#include "absl/strings/string_view.h"
#include "c_src/base/utf8.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  absl::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::size_t end_of_name = rest.find('\n');
  if (end_of_name == absl::string_view::npos) return 0;
  amdgpu::proto::CompileRequest request;
  request.set_file_name(amdgpu::MakeValidUtf8(rest.substr(0, end_of_name)));
  rest.remove_prefix(end_of_name + 1);
  const std::size_t end_of_source = std::min(rest.find("\n\n"), rest.size());
  request.set_source(amdgpu::MakeValidUtf8(rest.substr(0, end_of_source)));
  rest.remove_prefix(end_of_source);
  amdgpu::proto::CompileReply reply;
  (void)amdgpu::vendorcc::ParseCompileLog(rest, request, &reply);
  amdgpu::proto::CompileReply received;
  if (!received.ParseFromString(reply.SerializeAsString())) __builtin_trap();
  return 0;
}
