#include "tests/support/standin/script.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace standin {
namespace {

struct Rule {
  std::string call;
  std::string action;
  std::uint64_t first = 1;
  std::uint64_t last = ~std::uint64_t{0};
};

struct State {
  std::mutex mutex;
  std::vector<Rule> rules;
  std::map<std::string, std::uint64_t> calls;
};

void Parse(const std::string& script, std::vector<Rule>* rules) {
  for (std::size_t begin = 0; begin < script.size();) {
    const std::size_t end = std::min(script.find(';', begin), script.size());
    const std::string text = script.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    Rule rule;
    rule.call = text.substr(0, equals);
    const std::size_t at = std::min(text.find('@', equals), text.size());
    rule.action = text.substr(equals + 1, at - equals - 1);
    if (at < text.size()) {
      char* rest = nullptr;
      rule.first = std::strtoull(text.c_str() + at + 1, &rest, 10);
      if (*rest == '*') rule.last = rule.first + std::strtoull(rest + 1, nullptr, 10) - 1;
    }
    rules->push_back(rule);
  }
}

State& Global() {
  // Never destroyed: threads of streams use it until the process ends.
  static State& state = *[] {
    auto* state = new State;
    if (const char* script = std::getenv("AMD_STANDIN_SCRIPT")) Parse(script, &state->rules);
    return state;
  }();
  return state;
}

}  // namespace

amdgpu::vendor::Result Enter(const char* call) {
  std::vector<std::string> actions;
  {
    State& state = Global();
    const std::lock_guard lock(state.mutex);
    const std::uint64_t count = ++state.calls[call];
    for (const Rule& rule : state.rules) {
      if (rule.call != "*" && rule.call != call) continue;
      if (count >= rule.first && count <= rule.last) actions.push_back(rule.action);
    }
  }
  for (const std::string& action : actions) {
    if (action == "hang") {
      while (true) pause();
    } else if (action == "abort") {
      std::fprintf(stderr, "stand-in: %s aborts, as it was told\n", call);
      std::abort();
    } else if (action.rfind("slow:", 0) == 0) {
      usleep(static_cast<useconds_t>(std::atoi(action.c_str() + 5)));
    } else {
      return std::atoi(action.c_str());
    }
  }
  return 0;
}

void SetScript(const char* script) {
  State& state = Global();
  const std::lock_guard lock(state.mutex);
  state.rules.clear();
  state.calls.clear();
  Parse(script, &state.rules);
}

std::uint64_t Calls(const char* call) {
  State& state = Global();
  const std::lock_guard lock(state.mutex);
  const auto found = state.calls.find(call);
  return found == state.calls.end() ? 0 : found->second;
}

}  // namespace standin
