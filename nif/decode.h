// Terms into C++ values. Every function returns nothing (or false) when the term is not what it
// should be, and leaves the judgement to its caller.

#ifndef AMDGPU_NIF_DECODE_H_
#define AMDGPU_NIF_DECODE_H_

#include <erl_nif.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "c_src/runtime/device.h"
#include "nif/atoms.h"
#include "nif/resources.h"

namespace amdgpu::nif {

using Arguments = absl::InlinedVector<Argument, 16>;

std::optional<std::uint64_t> DecodeUint64(ErlNifEnv* env, ERL_NIF_TERM term);
std::optional<bool> DecodeBool(ERL_NIF_TERM term);
// Bytes of a binary; valid while `term` is.
std::optional<absl::Span<const std::byte>> DecodeBytes(ErlNifEnv* env, ERL_NIF_TERM term);
std::optional<std::string> DecodeString(ErlNifEnv* env, ERL_NIF_TERM term);
std::optional<proto::DType> DecodeDType(ERL_NIF_TERM term);
// A positive integer, {x, y} or {x, y, z}.
std::optional<gpu::Dim3> DecodeDim3(ErlNifEnv* env, ERL_NIF_TERM term);
// The field `ref` of a struct, as a resource. Null for anything else.
template <typename T>
T* DecodeStruct(ErlNifEnv* env, ERL_NIF_TERM term) {
  ERL_NIF_TERM ref;
  if (!enif_get_map_value(env, term, atoms.ref, &ref)) return nullptr;
  return Resource<T>::Get(env, ref);
}

// The value of `key` in `map`, decoded; `otherwise` when it is absent or `nil`.
std::uint64_t GetUint64(ErlNifEnv* env, ERL_NIF_TERM map, ERL_NIF_TERM key,
                        std::uint64_t otherwise);
bool GetBool(ErlNifEnv* env, ERL_NIF_TERM map, ERL_NIF_TERM key, bool otherwise);
std::string GetString(ErlNifEnv* env, ERL_NIF_TERM map, ERL_NIF_TERM key);

// A term of a launch that is not what it should be.
struct BadTerm {
  int argument = -1;  // its position; -1 for an option
  std::string name;   // of the parameter or the option
  std::string expected;
  ERL_NIF_TERM got = 0;
};

// The keyword list of a launch.
std::variant<LaunchOptions, BadTerm> DecodeLaunchOptions(ErlNifEnv* env, ERL_NIF_TERM options,
                                                         const KernelResource& kernel);
// The list of arguments of a launch. Whether they fit the signature is for the core to say.
std::variant<Arguments, BadTerm> DecodeArguments(ErlNifEnv* env, ERL_NIF_TERM list,
                                                 const Kernel& kernel);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_DECODE_H_
