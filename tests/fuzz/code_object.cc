// Code objects of GPUs: AMD's metadata, cubins, PTX, bundles of them.

#include "gpu/vendor/code_object/code_object.h"

#include "absl/strings/string_view.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto object = amdgpu::code_object::ReadCodeObject(bytes);
  if (!object.ok()) return 0;
  // What is read is fit to be sent on, and within its argument block.
  std::string sent;
  if (!object->SerializeToString(&sent)) __builtin_trap();
  amdgpu::proto::VendorCodeObject received;
  if (!received.ParseFromString(sent)) __builtin_trap();
  for (const auto& kernel : object->kernels()) {
    for (const auto& param : kernel.params()) {
      if (param.size() == 0 || param.offset() + param.size() > kernel.args_size()) {
        __builtin_trap();
      }
    }
  }
  return 0;
}
