// amdgpu-gateway: options, one line per mistake, and the gateway.

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "absl/strings/ascii.h"
#include "telemetry/gateway/gateway.h"

namespace {

int Fail(const std::string& message) {
  std::fprintf(stderr, "amdgpu-gateway: %s\n", message.c_str());
  return 2;
}

// Each connection takes a descriptor, and shells give a program few of those that it may have.
void TakeAllDescriptors() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

// As SIGTERM would: the gateway drains.
void EndWithInput() {
  char ignored[256];
  ssize_t got;
  do {
    got = read(STDIN_FILENO, ignored, sizeof(ignored));
  } while (got > 0 || (got < 0 && errno == EINTR));
  kill(getpid(), SIGTERM);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): CLI11 throws for options that are defined wrongly.
int main(int argc, char** argv) {
  amdgpu::gateway::GatewayOptions options;
  std::string token_file;
  double handshake_s = 10;
  double idle_s = 60;
  double drain_s = 5;
  bool until_eof = false;
  CLI::App app(
      "Live telemetry of a running AMDGPU system for browsers, Phoenix clients and Prometheus:\n"
      "/socket/websocket, /metrics, /healthz, /readyz, /api/v1/frame.\n"
      "A token may also be given as $AMDGPU_GATEWAY_TOKEN.",
      "amdgpu-gateway");
  app.add_option("--host", options.host,
                 "address to listen on; others than this machine's need a token")
      ->capture_default_str();
  app.add_option("--port", options.port, "0: any that is free")->capture_default_str();
  app.add_option("--pid", options.pid, "process of the runtime; 0: the newest")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--token-file", token_file, "file with the token that clients must have");
  app.add_option(
      "--origin", options.access.origins,
      "origin whose pages may read, besides our own: https://host[:port]; may be repeated");
  app.add_option("--static", options.static_directory, "directory of files to serve");
  app.add_option("--recordings", options.recordings,
                 "directory in which clients may have frames recorded, and which they may fetch");
  app.add_option("--recording-bytes", options.recording_bytes,
                 "of all that is recorded; the oldest goes. 256MiB")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  auto* const certificate =
      app.add_option("--tls-certificate", options.tls_certificate,
                     "file with the chain of certificates (PEM): speak TLS, 1.2 or newer")
          ->check(CLI::ExistingFile);
  auto* const key =
      app.add_option("--tls-key", options.tls_key, "file with the certificate's key (PEM)")
          ->check(CLI::ExistingFile);
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--max-connections", options.max_connections)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-message", options.max_message_bytes, "bytes of a client's message")
      ->check(CLI::Range(1024, 1 << 24))
      ->capture_default_str();
  app.add_option("--handshake-timeout", handshake_s, "seconds for a request's head")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--idle-timeout", idle_s, "seconds without a byte from a client")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  app.add_option("--drain-timeout", drain_s, "seconds for clients to go after SIGTERM")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_flag("--until-eof", until_eof,
               "end when standard input does: for a supervisor that holds its other end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return Fail(error.what());
  }
  const auto milliseconds = [](double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  };
  options.handshake_time = milliseconds(handshake_s);
  options.idle_time = milliseconds(idle_s);
  options.drain_time = milliseconds(drain_s);
  if (!token_file.empty()) {
    std::ifstream file(token_file);
    if (!file) return Fail("cannot read the token from " + token_file);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    options.access.token = std::string(absl::StripAsciiWhitespace(text));
    if (options.access.token.empty()) return Fail(token_file + " is empty");
  } else if (const char* token = std::getenv("AMDGPU_GATEWAY_TOKEN"); token != nullptr) {
    options.access.token = token;
  }
  signal(SIGPIPE, SIG_IGN);
  TakeAllDescriptors();
  auto gateway = amdgpu::gateway::Gateway::Start(options);
  if (!gateway.ok()) return Fail(std::string(gateway.status().message()));
  // Who started us may wait for this line, and learns the port from it.
  std::printf("listening on %s port %u\n", options.host.c_str(), unsigned{(*gateway)->port()});
  std::fflush(stdout);
  if (until_eof) std::thread(EndWithInput).detach();
  (*gateway)->Run();
  return 0;
}
