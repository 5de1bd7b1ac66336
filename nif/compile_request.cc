#include "nif/compile_request.h"

#include <string>
#include <utility>

#include "nif/atoms.h"
#include "nif/decode.h"

namespace amdgpu::nif {
namespace {

bool DecodeNames(ErlNifEnv* env, ERL_NIF_TERM list, proto::CompileRequest& request) {
  ERL_NIF_TERM name;
  while (enif_get_list_cell(env, list, &name, &list)) {
    std::optional<std::string> text = DecodeString(env, name);
    if (!text) return false;
    request.add_names(*std::move(text));
  }
  return true;
}

bool DecodeDefines(ErlNifEnv* env, ERL_NIF_TERM list, proto::CompileRequest& request) {
  ERL_NIF_TERM define;
  while (enif_get_list_cell(env, list, &define, &list)) {
    int arity = 0;
    const ERL_NIF_TERM* pair = nullptr;
    if (!enif_get_tuple(env, define, &arity, &pair) || arity != 2) return false;
    std::optional<std::string> name = DecodeString(env, pair[0]);
    std::optional<std::string> value = DecodeString(env, pair[1]);
    if (!name || !value) return false;
    proto::Define& added = *request.add_defines();
    added.set_name(*std::move(name));
    added.set_value(*std::move(value));
  }
  return true;
}

}  // namespace

std::optional<proto::CompileRequest> DecodeRequest(ErlNifEnv* env, ERL_NIF_TERM map) {
  proto::CompileRequest request;
  ERL_NIF_TERM names;
  ERL_NIF_TERM defines;
  if (!enif_get_map_value(env, map, atoms.names, &names) || !DecodeNames(env, names, request) ||
      !enif_get_map_value(env, map, atoms.defines, &defines) ||
      !DecodeDefines(env, defines, request)) {
    return std::nullopt;
  }
  request.set_source(GetString(env, map, atoms.source));
  request.set_file_name(GetString(env, map, atoms.file_name));
  request.set_std(GetString(env, map, atoms.std_));
  request.set_strict_math(GetBool(env, map, atoms.strict_math, false));
  request.set_optimization(static_cast<std::uint32_t>(GetUint64(env, map, atoms.optimization, 3)));
  request.set_timeout_ms(static_cast<std::uint32_t>(GetUint64(env, map, atoms.timeout_ms, 0)));
  ERL_NIF_TERM block;
  if (enif_get_map_value(env, map, atoms.block, &block) && block != atoms.nil) {
    const std::optional<gpu::Dim3> shape = DecodeDim3(env, block);
    if (!shape) return std::nullopt;
    request.set_block_x(shape->x);
    request.set_block_y(shape->y);
    request.set_block_z(shape->z);
  }
  return request;
}

}  // namespace amdgpu::nif
