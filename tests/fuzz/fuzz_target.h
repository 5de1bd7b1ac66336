// What a fuzz target defines: one input into the reader under test. Whatever comes back is right,
// as long as nothing crashes, hangs or touches memory that is not its own.

#ifndef AMDGPU_TESTS_FUZZ_FUZZ_TARGET_H_
#define AMDGPU_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#endif  // AMDGPU_TESTS_FUZZ_FUZZ_TARGET_H_
