// What the pool is measured on: the allocations of training runs, and random ones.

#ifndef AMDGPU_BENCH_POOL_TRACES_H_
#define AMDGPU_BENCH_POOL_TRACES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace amdgpu::bench {

struct TraceEvent {
  std::uint32_t slot = 0;
  std::uint64_t bytes = 0;  // 0 frees the slot's block
};

// Every slot is freed before it is allocated again, and at the end.
struct Trace {
  std::string name;
  std::vector<TraceEvent> events;
  std::size_t slots = 0;
  std::size_t pairs = 0;         // allocations, each with its free
  std::uint64_t peak_bytes = 0;  // most live bytes, blocks rounded up to 256
};

// ResNet-50, float32, SGD with momentum, gradients freed after each step.
Trace ResNet50(int batch, int steps);

struct GptOptions {
  int layers = 12;
  int width = 768;
  int heads = 12;
  int batch = 8;
  int steps = 20;
  bool recompute = false;  // activations are dropped and made again in the backward pass
};

// A GPT, 16-bit activations, AdamW, another sequence length at each step.
Trace Gpt(const GptOptions& options);

// `live` blocks of 256 B to 64 MiB, sizes spread evenly over the powers of two; each event pair
// replaces one of them by another.
Trace Random(std::size_t live, std::size_t pairs);

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_POOL_TRACES_H_
