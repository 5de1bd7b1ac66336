#include "nif/message.h"

namespace amdgpu::nif {
namespace {

thread_local ErlNifEnv* caller_env = nullptr;

}  // namespace

CallerScope::CallerScope(ErlNifEnv* env) : outer_(caller_env) { caller_env = env; }
CallerScope::~CallerScope() { caller_env = outer_; }

void Message::Send(ERL_NIF_TERM term) { enif_send(caller_env, &to_, env_, term); }

}  // namespace amdgpu::nif
