// Messages to Elixir processes, from whichever thread the core calls back on.

#ifndef AMDGPU_NIF_MESSAGE_H_
#define AMDGPU_NIF_MESSAGE_H_

#include <erl_nif.h>

namespace amdgpu::nif {

// Remembers, for this thread, the environment of the NIF that runs: the core may call a callback
// while a NIF polls it, and enif_send wants to know whether it is on a scheduler.
class CallerScope {
 public:
  explicit CallerScope(ErlNifEnv* env);
  ~CallerScope();
  CallerScope(const CallerScope&) = delete;
  CallerScope& operator=(const CallerScope&) = delete;

 private:
  ErlNifEnv* const outer_;
};

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
