defmodule Demo.CLITest do
  # Runs the whole demo on the host device; the console is captured, so one at a time.
  use ExUnit.Case, async: false

  import ExUnit.CaptureIO

  setup do
    out = Path.join(System.tmp_dir!(), "demo-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf(out) end)
    %{out: out}
  end

  defp run(arguments) do
    me = self()

    text =
      capture_io(fn ->
        errors =
          capture_io(:stderr, fn -> send(me, {:code, Demo.CLI.main(["--once" | arguments])}) end)

        send(me, {:errors, errors})
      end)

    assert_received {:code, code}
    assert_received {:errors, errors}
    {code, text, errors}
  end

  test "renders, filters, checks and writes", %{out: out} do
    {code, text, errors} = run(["--device", "host", "--size", "333x211", "--out", out])
    assert {code, errors} == {0, ""}
    for name <- ~w(mandelbrot luminance blur sobel histogram sum), do: assert(text =~ name)
    refute text =~ "WRONG"

    for name <- ~w(source blur sobel histogram) do
      assert <<0x89, "PNG", _::binary>> = File.read!(Path.join(out, name <> ".png"))
    end
  end

  test "a session is recorded, replayed and exported", %{out: out} do
    alias AMDGPU.Telemetry

    recording = Path.join(out, "recording")
    on_exit(fn -> Telemetry.stop_recording() end)
    :ok = Telemetry.record(recording)
    {0, _, ""} = run(["--device", "host", "--size", "333x211", "--out", out])
    :ok = Telemetry.stop_recording()

    :ok = Telemetry.subscribe(credit: 1000)
    on_exit(fn -> Telemetry.stop_replay() end)
    :ok = Telemetry.replay(recording, speed: 10)
    assert await_kernels(MapSet.new(~w(luminance blur sobel histogram))) == MapSet.new()
    :ok = Telemetry.unsubscribe()
    :ok = Telemetry.stop_replay()

    for format <- ~w(perfetto chrome csv-launches) do
      trace = Path.join(out, format)
      arguments = [recording, "--format", format, "--out", trace]
      capture_io(fn -> Mix.Tasks.Amdgpu.Export.run(arguments) end)
      assert File.read!(trace) =~ "sobel", format
    end
  end

  # Those of the kernels that no frame has a launch of.
  defp await_kernels(names) do
    if MapSet.size(names) == 0 do
      names
    else
      receive do
        {:amdgpu_frame, frame} ->
          of = Map.new(frame.kernels, &{&1.kernel, &1.name})
          await_kernels(MapSet.difference(names, MapSet.new(frame.launches, &of[&1.kernel])))
      after
        5_000 -> names
      end
    end
  end

  test "takes a picture, however small", %{out: out} do
    File.mkdir_p!(out)
    photo = Path.join(out, "photo.ppm")

    for {width, height} <- [{1, 1}, {2, 1}, {5, 3}, {17, 33}] do
      pixels = :crypto.strong_rand_bytes(width * height * 3)
      File.write!(photo, ["P6 #{width} #{height} 255\n", pixels])
      {code, text, errors} = run(["--device", "host", "--out", out, photo])
      assert {code, errors} == {0, ""}
      refute text =~ "WRONG"
      refute text =~ "mandelbrot"
    end
  end

  for {what, arguments, words} <- [
        {"a file that is not there", ["/no/such.ppm"], "no such file"},
        {"two pictures", ["a.ppm", "b.ppm"], "one picture"},
        {"an unknown option", ["--fast"], "--fast"},
        {"a bad size", ["--size", "0x10"], "--size"},
        {"an enormous size", ["--size", "16000x16000"], "64 megapixels"},
        {"a port that is none", ["--port", "70000"], "--port"},
        {"an unknown device", ["--device", "tpu"], "tpu"},
        {"a folder that cannot be made", ["--out", "/proc/nowhere"], "/proc/nowhere"}
      ] do
    test "#{what} gets one line and exit code 1" do
      {code, text, errors} = run(unquote(arguments))
      assert {code, text} == {1, ""}
      assert errors =~ unquote(words)
      assert length(String.split(errors, "\n", trim: true)) == 1
    end
  end

  for {what, bytes, words} <- [
        {"text", "hello", "not a binary PPM"},
        {"a picture cut short", "P6 2 2 255\n12345", "truncated: 5 of 12 bytes"},
        {"a picture of 0 x 0", "P6 0 0 255\n", "no pixels"},
        {"an enormous picture", "P6 100000 100000 255\n", "too large"}
      ] do
    test "#{what} gets one line and exit code 1", %{out: out} do
      File.mkdir_p!(out)
      photo = Path.join(out, "photo.ppm")
      File.write!(photo, unquote(bytes))
      {code, text, errors} = run([photo])
      assert {code, text} == {1, ""}
      assert errors =~ "demo: #{photo}: "
      assert errors =~ unquote(words)
      assert length(String.split(errors, "\n", trim: true)) == 1
    end
  end

  test "a folder instead of a picture gets one line and exit code 1" do
    {code, "", errors} = run([System.tmp_dir!()])
    assert code == 1
    assert errors =~ "illegal operation on a directory"
  end

  test "--help prints the usage" do
    assert {0, text, ""} = run(["--help"])
    assert text =~ "usage: bin/demo"
  end
end
