defmodule Mix.Tasks.Amdgpu.Replay do
  @shortdoc "Replays a telemetry recording to the dashboards"
  @moduledoc """
  Gives a recording to the dashboards as if it were live: to the subscribers in this VM
  (`AMDGPU.Telemetry.subscribe/1`, a Phoenix application that is started here) and to the gateway and
  `amdgpu top`, which attach.

      mix amdgpu.replay RECORDING --speed 2

  RECORDING is the directory that was given to `AMDGPU.Telemetry.record/2`, or one of its files. The
  application of the project is started first. Options:

    * `--speed` - 2 is twice as fast; 1 by default
    * `--loop` - from the beginning again, until it is stopped
    * `--from` - seconds from the beginning of the recording to start at
  """

  use Mix.Task

  alias AMDGPU.Telemetry

  @requirements ["app.start"]
  @switches [speed: :float, loop: :boolean, from: :float]
  @look_ms 100

  @impl true
  def run(args) do
    {options, arguments} = OptionParser.parse!(args, strict: @switches)

    path =
      case arguments do
        [path] -> path
        _ -> Mix.raise("one recording: mix amdgpu.replay RECORDING")
      end

    with {:error, error} <- Telemetry.replay(path, options),
         do: Mix.raise(Exception.message(error))

    %{frames: frames, length: length} = Telemetry.replaying()
    Mix.shell().info("Replaying #{frames} frames, #{Float.round(length, 1)} s")
    wait()
    for line <- Telemetry.replaying().damage, do: Mix.shell().error("damaged: #{line}")
    Telemetry.stop_replay()
    :ok
  end

  defp wait do
    unless Telemetry.replaying().ended do
      Process.sleep(@look_ms)
      wait()
    end
  end
end
