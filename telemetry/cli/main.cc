// amdgpu: options, one line for each mistake, and the command.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "telemetry/cli/commands.h"

namespace {

int Fail(const std::string& message, int status) {
  std::fprintf(stderr, "amdgpu: %s\n", message.c_str());
  return status;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): CLI11 throws for options that are defined wrongly.
int main(int argc, char** argv) {
  namespace cli = amdgpu::cli;
  CLI::App app("What the running AMDGPU system does: watched, recorded, exported, replayed.",
               "amdgpu");
  app.require_subcommand(1);

  cli::TopCommand top;
  CLI::App& top_app = *app.add_subcommand("top", "devices, memory, kernels and owners, live");
  top_app.add_option("--pid", top.pid, "process of the system; 0: the newest")
      ->check(CLI::NonNegativeNumber);
  CLI::Option* const json =
      top_app.add_flag("--json", top.json, "one frame as JSON, and no screen");
  top_app.add_flag("--stream", top.stream, "every frame as a line of JSON")->excludes(json);
  top_app.add_option("--interval", top.interval_s, "seconds between two screens")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();

  cli::RecordCommand record;
  record.max_bytes = std::uint64_t{256} << 20;
  CLI::App& record_app = *app.add_subcommand("record", "keep the newest frames on disk");
  record_app.add_option("directory", record.directory)->required();
  record_app.add_option("--pid", record.pid, "process of the system; 0: the newest")
      ->check(CLI::NonNegativeNumber);
  record_app.add_option("--bytes", record.max_bytes, "of all files together; 64MiB")
      ->transform(CLI::AsSizeValue(false));
  record_app
      .add_option("--seconds", record.max_age_s, "how far back; 0: as far as the bytes reach")
      ->check(CLI::Range(0.0, 3e9));
  record_app.add_option("--for", record.for_s, "seconds to record; 0: until the system ends")
      ->check(CLI::Range(0.0, 3e9));

  cli::ExportCommand export_command;
  export_command.format = "perfetto";
  CLI::App& export_app = *app.add_subcommand("export", "a recording as a trace or a table");
  export_app.add_option("recording", export_command.recording, "its directory, or one file of it")
      ->required();
  export_app.add_option("--format", export_command.format)
      ->check(CLI::IsMember({"perfetto", "chrome", "csv", "csv-launches"}))
      ->capture_default_str();
  export_app.add_option("-o,--output", export_command.output,
                        "file; - or nothing: standard output");
  export_app.add_option("--from", export_command.from_s, "seconds from its beginning on")
      ->check(CLI::Range(0.0, 3e9));
  export_app.add_option("--for", export_command.for_s, "seconds; 0: to its end")
      ->check(CLI::Range(0.0, 3e9));

  cli::ReplayCommand replay;
  CLI::App& replay_app = *app.add_subcommand(
      "replay", "a recording as if it were live, for who attaches (gateway, top)");
  replay_app.add_option("recording", replay.recording, "its directory, or one file of it")
      ->required();
  replay_app.add_option("--speed", replay.speed, "2: twice as fast")
      ->check(CLI::Range(1e-3, 1e6))
      ->capture_default_str();
  replay_app.add_flag("--loop", replay.loop, "from the beginning again, for ever");
  replay_app.add_option("--from", replay.from_s, "seconds from its beginning on")
      ->check(CLI::Range(0.0, 3e9));

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return Fail(error.what(), 2);
  }
  cli::WatchSignals();
  const absl::Status status = top_app.parsed()      ? cli::RunTop(top)
                              : record_app.parsed() ? cli::RunRecord(record)
                              : export_app.parsed() ? cli::RunExport(export_command)
                                                    : cli::RunReplay(replay);
  return status.ok() ? 0 : Fail(std::string(status.message()), 1);
}
