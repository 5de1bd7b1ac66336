// What a compile is asked for, from Elixir.

#ifndef AMDGPU_NIF_COMPILE_REQUEST_H_
#define AMDGPU_NIF_COMPILE_REQUEST_H_

#include <erl_nif.h>

#include <optional>

#include "proto/compile.pb.h"

namespace amdgpu::nif {

// A map with source, file_name, names, defines, std, strict_math, optimization, timeout_ms and
// block. Nothing if it is not one. The target is the caller's to set.
std::optional<proto::CompileRequest> DecodeRequest(ErlNifEnv* env, ERL_NIF_TERM map);

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_COMPILE_REQUEST_H_
