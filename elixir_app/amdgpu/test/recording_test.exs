defmodule AMDGPU.RecordingTest do
  use AMDGPU.DeviceCase
  import AMDGPU.DeviceCase, only: [eventually: 1]

  alias AMDGPU.{ChildVM, ProfilerHub, Telemetry}

  @moduletag :tmp_dir

  setup do
    on_exit(fn ->
      Telemetry.stop_replay()
      Telemetry.stop_recording()
      Telemetry.set_rate(60)
    end)
  end

  defp launch_some(device, count) do
    empty = kernel(device, :empty)
    for n <- 1..count, do: AMDGPU.launch!(empty, [grid: 1, block: 1, label: "run #{n}"], [])
    AMDGPU.synchronize!(device)
  end

  # The encoded frames that come until the replay has ended.
  defp replayed(path, options) do
    :ok = Telemetry.subscribe(as: :encoded, credit: 1000)
    :ok = Telemetry.replay(path, options)
    eventually(fn -> Telemetry.replaying().ended end)
    frames = drain([])
    :ok = Telemetry.stop_replay()
    :ok = Telemetry.unsubscribe()
    frames
  end

  defp drain(frames) do
    receive do
      {:amdgpu_frame, frame} -> drain([frame | frames])
    after
      100 -> Enum.reverse(frames)
    end
  end

  test "records every launch while nobody is subscribed", %{device: device, tmp_dir: dir} do
    assert Telemetry.recording() == nil
    assert Telemetry.stop_recording() == {:error, :not_recording}
    :ok = Telemetry.record(dir, bytes: 8_000_000)
    launch_some(device, 100)
    eventually(fn -> Telemetry.recording().frames >= 30 end)
    status = Telemetry.recording()
    assert status.path == Path.expand(dir)
    assert status.segments == 1
    assert status.bytes > 0
    assert status.dropped == 0
    assert status.error == nil
    {oldest, newest} = status.span
    assert DateTime.diff(newest, oldest, :millisecond) in 300..30_000
    assert abs(DateTime.diff(DateTime.utc_now(), newest)) < 30
    assert Telemetry.stop_recording() == :ok
    assert Telemetry.recording() == nil

    frames = dir |> replayed(speed: 10) |> Enum.map(&Telemetry.decode!/1)
    labels = for frame <- frames, launch <- frame.launches, do: launch.label
    assert Enum.sort(labels) == Enum.sort(for n <- 1..100, do: "run #{n}")
    sequences = Enum.map(frames, & &1.sequence)
    assert sequences == Enum.to_list(hd(sequences)..List.last(sequences))
  end

  test "a replay is the same bytes, and live frames come again after it", %{tmp_dir: dir} do
    :ok = Telemetry.subscribe(as: :encoded, credit: 1000)
    :ok = Telemetry.record(dir)
    Process.sleep(600)
    :ok = Telemetry.stop_recording()
    # What was recorded last may still be on its way here.
    Process.sleep(100)
    live = drain_now([])
    :ok = Telemetry.unsubscribe()
    again = replayed(dir, speed: 10)
    assert length(again) >= 10
    # The recording began a frame after the subscription, or ended one before it.
    assert length(again -- live) <= 1

    :ok = Telemetry.subscribe()
    assert_receive {:amdgpu_frame, frame}
    assert frame.sequence > Telemetry.decode!(List.last(again)).sequence
    :ok = Telemetry.unsubscribe()
  end

  defp drain_now(frames) do
    receive do
      {:amdgpu_frame, frame} -> drain_now([frame | frames])
    after
      0 -> frames
    end
  end

  test "a replay starts where it is asked to and can be stopped", %{tmp_dir: dir} do
    :ok = Telemetry.record(dir)
    Process.sleep(1_100)
    :ok = Telemetry.stop_recording()
    whole = replayed(dir, speed: 10)
    half = replayed(dir, speed: 10, from: 0.5, publish: false)
    assert length(half) < length(whole)
    assert List.last(half) == List.last(whole)

    :ok = Telemetry.replay(dir, speed: 0.01, loop: true)
    assert %{ended: false, frames: frames, length: length} = Telemetry.replaying()
    assert frames == length(whole)
    assert length > 0.9
    assert Telemetry.stop_replay() == :ok
    assert Telemetry.stop_replay() == {:error, :not_replaying}
    assert Telemetry.replaying() == nil
  end

  test "what cannot be is an error that says so", %{tmp_dir: dir} do
    assert {:error, %{code: :not_found}} = Telemetry.replay(dir)
    assert {:error, %{code: :not_found}} = Telemetry.replay(Path.join(dir, "none"))
    assert {:error, %{code: :invalid_argument}} = Telemetry.replay(dir, speed: 0)
    assert {:error, %{code: :invalid_argument}} = Telemetry.replay(:none)
    assert {:error, %{code: :invalid_argument}} = Telemetry.record(dir, bytes: 1000)
    assert {:error, %{code: :invalid_argument}} = Telemetry.record(dir, minutes: 1)
    File.write!(Path.join(dir, "file"), "")
    assert {:error, error} = Telemetry.record(Path.join(dir, "file"))
    assert Exception.message(error) =~ "file"
    assert_raise AMDGPU.Error, fn -> Telemetry.record!(Path.join(dir, "file")) end
    assert Telemetry.recording() == nil
  end

  test "a recording that is damaged is read as far as it is good", %{tmp_dir: dir} do
    :ok = Telemetry.record(dir)
    Process.sleep(1_200)
    :ok = Telemetry.stop_recording()
    [segment] = Path.wildcard(Path.join(dir, "*.segment"))
    whole = length(replayed(segment, speed: 10))
    bytes = File.read!(segment)
    File.write!(segment, binary_part(bytes, 0, byte_size(bytes) - 10))
    :ok = Telemetry.replay(dir, speed: 10)
    eventually(fn -> Telemetry.replaying().ended end)
    assert %{given: given, damage: [line]} = Telemetry.replaying()
    assert given > 0 and given < whole
    assert line =~ segment
  end

  @tag :fault
  test "a VM that is killed leaves what it recorded; a full disk does not kill it", %{
    tmp_dir: dir
  } do
    code = """
    {:ok, _device} = AMDGPU.open(:host)
    :ok = AMDGPU.Telemetry.record(#{inspect(dir)})
    Process.sleep(1500)
    IO.puts("recorded")
    Process.sleep(:infinity)
    """

    {port, pid} = ChildVM.start(code)
    ChildVM.line(port, "recorded")
    System.cmd("kill", ["-9", "#{pid}"])
    assert_receive {^port, {:exit_status, _}}, 5_000
    assert length(replayed(dir, speed: 10)) >= 10

    # Files of this VM may have 16 KiB from then on; what is above is an error, and a signal (SIGXFSZ).
    full = Path.join(dir, "full")

    code = """
    {:ok, _device} = AMDGPU.open(:host)
    {_, 0} = System.cmd("prlimit", ["--pid", System.pid(), "--fsize=16384"])
    :ok = AMDGPU.Telemetry.record(#{inspect(full)})
    wait = fn wait -> AMDGPU.Telemetry.recording().error || (Process.sleep(50) && wait.(wait)) end
    IO.puts("error: " <> Exception.message(wait.(wait)))
    :ok = AMDGPU.Telemetry.stop_recording()
    IO.puts("alive")
    System.halt(0)
    """

    {output, status} = ChildVM.run(code)
    assert status == 0, output
    assert output =~ "error: writing the recording"
    assert output =~ "alive"
    assert length(replayed(full, speed: 10)) > 0
  end

  test "mix amdgpu.replay gives a recording to who is subscribed", %{tmp_dir: dir} do
    :ok = Telemetry.record(dir)
    Process.sleep(600)
    :ok = Telemetry.stop_recording()
    :ok = Telemetry.subscribe(credit: 1000)
    drain_now([])
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(Mix.Shell.IO) end)
    Mix.Tasks.Amdgpu.Replay.run([dir, "--speed", "10"])
    assert_received {:mix_shell, :info, ["Replaying " <> _]}
    assert length(drain_now([])) >= 5
    assert Telemetry.replaying() == nil
    :ok = Telemetry.unsubscribe()

    assert_raise Mix.Error, ~r/no such file/, fn ->
      Mix.Tasks.Amdgpu.Replay.run([Path.join(dir, "none")])
    end

    assert_raise Mix.Error, fn -> Mix.Tasks.Amdgpu.Replay.run([]) end
  end

  test "mix amdgpu.export writes each format", %{device: device, tmp_dir: dir} do
    :ok = Telemetry.record(dir)
    launch_some(device, 10)
    eventually(fn -> Telemetry.latest() != nil end)
    seen = Telemetry.latest().sequence

    # The launches are in what was begun after that; utilisation is there once the processors' times have been read twice.
    worker = AMDGPU.stats(device).worker_pid

    eventually(fn ->
      for %{sequence: sequence, devices: devices} when sequence > seen + 1 <- [Telemetry.latest()],
          %{worker: %{pid: ^worker}} = sample <- devices,
          {:ok, _} <- [Telemetry.value(sample, :utilization_ratio)],
          reduce: false,
          do: (_ -> true)
    end)

    :ok = Telemetry.stop_recording()
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(Mix.Shell.IO) end)
    out = Path.join(dir, "out")

    export = fn format ->
      Mix.Tasks.Amdgpu.Export.run([dir, "--format", format, "--out", out])
      File.read!(out)
    end

    launches = export.("csv-launches")
    assert launches |> String.split("\r\n", trim: true) |> length() == 11
    assert launches =~ ",empty,aura,"
    assert launches =~ inspect(self()) |> String.replace("#PID", "")
    assert export.("csv") =~ ",gpu_utilization_ratio,ratio,"
    assert export.("chrome") =~ ~s("name":"stream 0")
    # A field of bytes, number 1: the packets of a Perfetto trace.
    assert <<10, _::binary>> = export.("perfetto")
    assert_raise Mix.Error, ~r/xml/, fn -> export.("xml") end

    assert_raise Mix.Error, ~r/no such file/, fn ->
      Mix.Tasks.Amdgpu.Export.run([Path.join(dir, "none"), "--out", out])
    end
  end

  test "ends with the hub, and is not stopped by its crash", %{tmp_dir: dir} do
    :ok = Telemetry.record(dir)
    hub = Process.whereis(ProfilerHub)
    Process.exit(hub, :kill)
    eventually(fn -> Process.whereis(ProfilerHub) not in [nil, hub] end)
    frames = Telemetry.recording().frames
    eventually(fn -> Telemetry.recording().frames > frames end)
    :ok = Telemetry.stop_recording()
  end
end
