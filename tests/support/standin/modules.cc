// The stand-in's modules: any ELF file with "stand-in" in it holds every built-in kernel; with
// AMD_STANDIN_ANY_IMAGE in the environment any code at all, for benchmarks that bring real code.

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/support/standin/standin.h"

namespace standin {
namespace {

struct FunctionState {
  Module module;
  const BuiltIn* kernel;
  std::atomic<unsigned> most_dynamic_shared{kSharedUnasked};
};

struct ModuleState {
  std::uint32_t counter = 0;
  std::int32_t table[4] = {10, 20, 30, 40};
  std::vector<std::unique_ptr<FunctionState>> functions;
};

ModuleState& State(Module module) { return *reinterpret_cast<ModuleState*>(module); }

}  // namespace

Result ModuleLoad(Module* module, const void* image) {
  constexpr std::size_t kHeaderBytes = 64;
  const char* const bytes = static_cast<const char*>(image);
  if (std::getenv("AMD_STANDIN_ANY_IMAGE") == nullptr) {
    if (std::memcmp(bytes, "\177ELF", 4) != 0) return kInvalidImage;
    if (std::memcmp(bytes + kHeaderBytes, "stand-in", 8) != 0) return kInvalidImage;
  }
  auto* state = new ModuleState;
  *module = reinterpret_cast<Module>(state);
  AddVariable(reinterpret_cast<Address>(&state->counter), sizeof(state->counter));
  AddVariable(reinterpret_cast<Address>(&state->table), sizeof(state->table));
  return kSuccess;
}

Result ModuleUnload(Module module) {
  RemoveVariable(reinterpret_cast<Address>(&State(module).counter));
  RemoveVariable(reinterpret_cast<Address>(&State(module).table));
  delete &State(module);
  return kSuccess;
}

Result ModuleGetFunction(Function* function, Module module, const char* name) {
  for (const BuiltIn& kernel : BuiltIns()) {
    if (std::strcmp(kernel.name, name) != 0) continue;
    State(module).functions.push_back(std::make_unique<FunctionState>(module, &kernel));
    *function = reinterpret_cast<Function>(State(module).functions.back().get());
    return kSuccess;
  }
  return kNotFound;
}

Result ModuleGetGlobal(Address* address, std::size_t* bytes, Module module, const char* name) {
  ModuleState& state = State(module);
  if (std::strcmp(name, "counter") == 0) {
    *address = reinterpret_cast<Address>(&state.counter);
    *bytes = sizeof(state.counter);
  } else if (std::strcmp(name, "table") == 0) {
    *address = reinterpret_cast<Address>(&state.table);
    *bytes = sizeof(state.table);
  } else {
    return kNotFound;
  }
  return kSuccess;
}

Result AllowDynamicShared(Function function, unsigned bytes) {
  if (bytes > kMaxShared) return kInvalidValue;
  reinterpret_cast<FunctionState*>(function)->most_dynamic_shared = bytes;
  return kSuccess;
}

unsigned MostDynamicShared(Function function) {
  return reinterpret_cast<FunctionState*>(function)->most_dynamic_shared;
}

Result LaunchKernel(Function function, const Shape& shape, unsigned dynamic_shared, Stream stream,
                    const std::byte* args, std::size_t args_bytes) {
  const FunctionState& state = *reinterpret_cast<FunctionState*>(function);
  if (shape.Blocks() == 0 || shape.Threads() == 0 || shape.Threads() > kMaxThreads) return 9;
  if (dynamic_shared > state.most_dynamic_shared) return kInvalidValue;
  auto copy = std::make_shared<std::vector<std::uint64_t>>((args_bytes + 7) / 8 + 1);
  if (args_bytes != 0) std::memcpy(copy->data(), args, args_bytes);
  return Enqueue(stream, [&state, shape, dynamic_shared, copy] {
    std::vector<std::byte> shared(dynamic_shared);
    return state.kernel->body(state.module, reinterpret_cast<const std::byte*>(copy->data()), shape,
                              shared.data());
  });
}

}  // namespace standin
