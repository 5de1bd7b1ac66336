// Messages to Elixir processes, from the threads that the core calls back on. Those are never the
// VM's own.

#ifndef AMDGPU_NIF_MESSAGE_H_
#define AMDGPU_NIF_MESSAGE_H_

#include <erl_nif.h>

namespace amdgpu::nif {

// A message under construction. Not thread-safe; send at most once.
class Message {
 public:
  explicit Message(const ErlNifPid& to) : to_(to), env_(enif_alloc_env()) {}
  ~Message() { enif_free_env(env_); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // Terms of the message live here.
  ErlNifEnv* env() const { return env_; }
  // A process that has ended gets nothing, silently.
  void Send(ERL_NIF_TERM term);

 private:
  ErlNifPid to_;
  ErlNifEnv* env_;
};

}  // namespace amdgpu::nif

#endif  // AMDGPU_NIF_MESSAGE_H_
