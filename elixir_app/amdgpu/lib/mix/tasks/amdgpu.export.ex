defmodule Mix.Tasks.Amdgpu.Export do
  @shortdoc "Makes traces and tables of a telemetry recording"
  @moduledoc """
  Writes a recording in a format of other programs.

      mix amdgpu.export RECORDING --out gpu.pftrace
      mix amdgpu.export RECORDING --format csv --out values.csv

  RECORDING is the directory that was given to `AMDGPU.Telemetry.record/2`, or one of its files. Options:

    * `--format` - `perfetto` (the default; for ui.perfetto.dev), `chrome` (chrome://tracing), `csv` (every
      value that was read) or `csv-launches` (every launch)
    * `--out` - the file to write; by default the recording's name with `.pftrace`, `.json` or `.csv`
    * `--from` - seconds from the beginning of the recording to start at
    * `--for` - seconds to write
  """

  use Mix.Task

  @requirements ["loadpaths", "compile"]
  @switches [format: :string, out: :string, from: :float, for: :float]
  @suffixes %{
    "perfetto" => ".pftrace",
    "chrome" => ".json",
    "csv" => ".csv",
    "csv-launches" => ".launches.csv"
  }

  @impl true
  def run(args) do
    {options, arguments} = OptionParser.parse!(args, strict: @switches)

    path =
      case arguments do
        [path] -> path
        _ -> Mix.raise("one recording: mix amdgpu.export RECORDING --format perfetto")
      end

    format = Keyword.get(options, :format, "perfetto")
    suffix = @suffixes[format] || Mix.raise("--format: one of #{formats()}, not #{format}")
    out = Keyword.get_lazy(options, :out, fn -> Path.basename(path) <> suffix end)

    range =
      for {name, seconds} <- Keyword.take(options, [:from, :for]),
          argument <- ["--#{name}", "#{seconds}"],
          do: argument

    arguments = ["export", path, "--format", format, "--output", out] ++ range

    case System.cmd(AMDGPU.NativeFiles.path("amdgpu"), arguments, stderr_to_stdout: true) do
      {said, 0} -> Mix.shell().info(said <> "Wrote #{out}")
      {said, _status} -> Mix.raise(String.trim(said))
    end
  end

  defp formats, do: @suffixes |> Map.keys() |> Enum.sort() |> Enum.join(", ")
end
