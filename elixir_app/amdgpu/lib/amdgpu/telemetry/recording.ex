defmodule AMDGPU.Telemetry.Recording do
  @moduledoc false
  # The flight recorder and the replay of recordings, of which `AMDGPU.Telemetry` tells.

  alias AMDGPU.{Error, Native, Options, ProfilerHub}

  @least_bytes 4 * 1024 * 1024
  @default_bytes 256 * 1024 * 1024

  def record(path, options) do
    with {:ok, path} <- path(path),
         {:ok, options} <- Options.validate(options, record_checks()),
         :ok <- ProfilerHub.ensure_started() do
      result(
        ProfilerHub.call_native(
          &Native.telemetry_record/3,
          [path, options.bytes, round(options.seconds * 1.0e9)]
        )
      )
    end
  end

  def stop_recording do
    status = recording()
    ProfilerHub.call_native(&Native.telemetry_stop_recording/0, [])
    if status, do: :ok, else: {:error, :not_recording}
  end

  def recording do
    with %{oldest_ns: oldest, newest_ns: newest} = status <- Native.telemetry_recording() do
      span = if oldest != 0, do: {time(oldest), time(newest)}
      error = status.error && Error.from_native(status.error)

      status
      |> Map.drop([:oldest_ns, :newest_ns])
      |> Map.merge(%{span: span, error: error})
    end
  end

  def replay(path, options) do
    with {:ok, path} <- path(path),
         {:ok, options} <- Options.validate(options, replay_checks()),
         :ok <- ProfilerHub.ensure_started() do
      result(
        ProfilerHub.call_native(&Native.telemetry_replay/6, [
          path,
          options.speed / 1,
          options.loop,
          round(options.from * 1.0e9),
          options.publish,
          Process.whereis(ProfilerHub)
        ])
      )
    end
  end

  def stop_replay do
    status = Native.telemetry_replaying()
    ProfilerHub.call_native(&Native.telemetry_stop_replay/0, [])
    if status, do: :ok, else: {:error, :not_replaying}
  end

  def replaying do
    with %{position_ns: position, length_ns: length} = status <- Native.telemetry_replaying() do
      status
      |> Map.drop([:position_ns, :length_ns])
      |> Map.merge(%{position: position / 1.0e9, length: length / 1.0e9})
    end
  end

  defp record_checks do
    [
      bytes:
        {@default_bytes, &(Options.natural?(&1) and &1 >= @least_bytes),
         "a number of bytes from #{@least_bytes} on"},
      seconds: {0, &seconds?/1, "a number of seconds; 0: as many as the bytes hold"}
    ]
  end

  defp replay_checks do
    [
      speed: {1, &(is_number(&1) and &1 > 0 and &1 <= 1.0e6), "a number above 0"},
      loop: {false, &is_boolean/1, "true or false"},
      from: {0, &seconds?/1, "a number of seconds from the recording's beginning on"},
      publish: {true, &is_boolean/1, "true or false"}
    ]
  end

  # Less than a century, and so a number of nanoseconds.
  defp seconds?(value), do: is_number(value) and value >= 0 and value < 3.0e9

  # What IO.chardata is of a path may also be a charlist.
  defp path(path) do
    {:ok, path |> IO.chardata_to_string() |> Path.expand()}
  rescue
    _ -> {:error, Error.invalid("path: expected a path, got #{inspect(path)}")}
  end

  defp result(:ok), do: :ok
  defp result({:error, reason}), do: {:error, Error.from_native(reason)}

  defp result(:unavailable),
    do: {:error, %Error{code: :unavailable, message: "not now: try again"}}

  defp time(unix_ns), do: DateTime.from_unix!(unix_ns, :nanosecond)
end
