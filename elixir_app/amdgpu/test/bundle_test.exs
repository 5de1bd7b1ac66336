defmodule AMDGPU.BundleTest do
  @moduledoc "End to end: kernels compiled for several targets, written, read, and run."
  use AMDGPU.DeviceCase, async: true

  alias AMDGPU.{Buffer, Bundle, BundleError, CompileError, Error, Kernel, Telemetry}

  @source """
  #include <hip/hip_runtime.h>
  __constant__ float table[4];
  extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i] + TERM;
  }
  template <class T> __global__ void twice(T* x) { x[threadIdx.x] *= 2; }
  extern "C" __global__ void look(float* out) { out[0] = table[1]; }
  """

  @moduletag :tmp_dir

  setup_all do
    {:ok, bundle} = Kernel.compile_for(["host"], @source, "saxpy", options())
    {:ok, bundle: bundle}
  end

  defp options(more \\ []), do: Keyword.merge([defines: %{TERM: "0.5f"}, file: "saxpy.hip"], more)

  defp run_saxpy(device, kernel) do
    x = Buffer.from_binary!(device, :f32, pack(:f32, [1.0, 2.0, 3.0]))
    y = Buffer.from_binary!(device, :f32, pack(:f32, [10.0, 20.0, 30.0]))
    {:ok, _} = AMDGPU.run(kernel, [grid: 1, block: 32], [3, 2.0, x, y])
    numbers(y)
  end

  # Until a frame has a compile of that kernel by this process.
  defp assert_compile_is_ours(kernel) do
    me = self() |> :erlang.pid_to_list() |> List.to_string()
    assert_receive {:amdgpu_frame, frame}, 5_000

    ours = for owner <- frame.owners, owner.process == me, do: owner.owner

    unless Enum.any?(frame.compiles, &(&1.kernel == kernel and &1.owner in ours)),
      do: assert_compile_is_ours(kernel)
  end

  # The targets of the list that compile on this machine; says which do not, once each.
  defp compilable(targets) do
    Enum.filter(targets, fn target ->
      case Kernel.compile_for([target], @source, "saxpy", options()) do
        {:ok, _} ->
          true

        {:error, %BundleError{failures: [{^target, %CompileError{reason: :refused} = error}]}} ->
          IO.puts("skipped: #{target}: #{String.slice(error.detail, 0, 120)}")
          false
      end
    end)
  end

  test "a bundle says what is in it", %{bundle: bundle} do
    assert bundle.names == ["saxpy"]
    assert [%{target: "host", kernels: ["saxpy"], code_bytes: bytes}] = bundle.targets
    assert bytes > 100
    assert bundle.source == @source
    assert bundle.file == "saxpy.hip"
    assert inspect(bundle) == "#AMDGPU.Bundle<saxpy for host>"
  end

  test "runs what it holds, after a trip over the disk", context do
    %{device: device, bundle: bundle, tmp_dir: dir} = context
    path = Path.join(dir, "saxpy.amdgpu")
    :ok = Bundle.write(bundle, path)
    assert File.ls!(dir) == ["saxpy.amdgpu"]
    assert {:ok, ^bundle} = Bundle.read(path)
    assert {:ok, %Kernel{origin: :bundle, name: "saxpy"} = kernel} = Kernel.load(device, bundle)
    assert run_saxpy(device, kernel) == [12.5, 24.5, 36.5]
    assert [%{name: "n", dtype: :i32}, %{name: "a"} | _] = Kernel.info(kernel).params
  end

  test "names, all kernels, and a wrong one", %{device: device} do
    {:ok, bundle} = Kernel.compile_for(["host"], @source, ["look", "twice<int>"], options())
    assert bundle.names == ["look", "twice<int>"]
    {:ok, twice} = Kernel.load(device, bundle, name: "twice<int>", core: :matrix)
    assert twice.core == :matrix
    x = Buffer.from_binary!(device, :i32, pack(:i32, [3, 4]))
    {:ok, _} = AMDGPU.run(twice, [grid: 1, block: 2], [x])
    assert numbers(x) == [6, 8]

    {:ok, look} = Kernel.load(device, bundle)
    :ok = Kernel.put_global(look, "table", pack(:f32, [1.0, 7.0, 1.0, 1.0]))
    out = Buffer.new!(device, :f32, 1)
    {:ok, _} = AMDGPU.run(look, [grid: 1, block: 1], [out])
    assert numbers(out) == [7.0]

    {:ok, all} = Kernel.compile_for(["host"], @source, :all, options(core: :neuromorphic))
    assert all.names == []
    assert Enum.sort(hd(all.targets).kernels) == ["look", "saxpy"]
    assert {:ok, %Kernel{core: :neuromorphic}} = Kernel.load(device, all, name: "saxpy")
    assert {:error, %Error{code: :not_found}} = Kernel.load(device, all, name: "nothing")
  end

  test "without code that fits, the source is compiled; without a source that is an error",
       context do
    %{device: device} = context

    case compilable(["gfx90a", "sm_90"]) do
      [] ->
        :ok

      targets ->
        {:ok, bundle} = Kernel.compile_for(targets, @source, "saxpy", options())
        :ok = Telemetry.subscribe(credit: 1000)
        assert {:ok, %Kernel{origin: origin} = kernel} = Kernel.load(device, bundle)
        assert origin != :bundle
        assert_compile_is_ours("saxpy")
        :ok = Telemetry.unsubscribe()
        assert run_saxpy(device, kernel) == [12.5, 24.5, 36.5]

        {:ok, bare} = Kernel.compile_for(targets, @source, "saxpy", options(source: false))
        assert bare.source == nil
        refute bare.binary =~ "blockIdx"
        assert {:error, %Error{code: :not_found, message: message}} = Kernel.load(device, bare)
        assert message =~ "no code of the bundle runs on this CPU"
        assert message =~ hd(targets)
    end
  end

  test "a bundle without its source runs all the same", %{device: device} do
    # Code that no other test has loaded with its source.
    options = options(source: false, defines: %{TERM: "0.25f"})
    {:ok, bare} = Kernel.compile_for(["host"], @source, "saxpy", options)
    {:ok, kernel} = Kernel.load(device, bare)
    for _ <- 1..3, do: assert(run_saxpy(device, kernel) == [12.25, 24.25, 36.25])
    assert Kernel.info(kernel).specialised_shapes == []
  end

  test "what a bundle holds for GPUs has the kernel's signature" do
    targets =
      compilable(["gfx90a", "gfx942", "gfx1100", "gfx1030", "sm_80", "sm_90", "compute_80"])

    if targets != [] do
      {:ok, bundle} = Kernel.compile_for(["host" | targets], @source, "saxpy", options())
      assert Enum.map(bundle.targets, & &1.target) == ["host" | targets]
      assert Enum.all?(bundle.targets, &(&1.kernels == ["saxpy"]))
    end
  end

  test "each target's failure is told" do
    assert {:error, %BundleError{failures: failures} = error} =
             Kernel.compile_for(["host", "gfx1", "tpu"], @source, "saxpy", options())

    assert [{"gfx1", %CompileError{reason: :refused}}, {"tpu", %CompileError{}}] = failures
    assert Exception.message(error) =~ ~r/^gfx1: .*\ntpu: .*/s

    assert {:error, %BundleError{failures: [{"host", %CompileError{reason: :source_error}}]}} =
             Kernel.compile_for(["host"], @source, "saxpy")

    assert_raise BundleError, ~r/no kernel is named 'nothing'/, fn ->
      Kernel.compile_for!(["host"], @source, "nothing", options())
    end
  end

  test "wrong arguments are errors" do
    for {targets, name, options, expected} <- [
          {[], "saxpy", [], "targets"},
          {["host", "host"], "saxpy", [], "twice"},
          {[:host], "saxpy", [], "targets"},
          {["host"], nil, [], "name"},
          {["host"], [], [], "name"},
          {["host"], "saxpy", [block: 3], "block"},
          {["host"], "saxpy", [source: 1], "source"}
        ] do
      assert {:error, %Error{code: :invalid_argument, message: message}} =
               Kernel.compile_for(targets, @source, name, options)

      assert message =~ expected
    end
  end

  test "a damaged bundle is an error at every byte, never a crash", %{
    bundle: bundle,
    device: device
  } do
    {:ok, small} = Kernel.compile_for(["host"], "extern \"C\" __global__ void k() {}", "k")

    for i <- 0..(byte_size(small.binary) - 1) do
      <<before::binary-size(i), byte, rest::binary>> = small.binary
      damaged = <<before::binary, Bitwise.bxor(byte, 0x41), rest::binary>>
      assert {:error, %Error{}} = Bundle.from_binary(damaged)
    end

    for size <- 0..(byte_size(small.binary) - 1)//7 do
      assert {:error, %Error{}} = Bundle.from_binary(binary_part(small.binary, 0, size))
    end

    assert {:error, %Error{code: :data_loss}} = Bundle.from_binary(bundle.binary <> "x")
    assert {:error, %Error{code: :invalid_argument}} = Bundle.from_binary("\x7fELF and more")

    later =
      binary_part(bundle.binary, 0, 8) <> <<9::32-little>> <> binary_part(bundle.binary, 12, 80)

    assert {:error, %Error{code: :failed_precondition}} = Bundle.from_binary(later)
    forged = %{bundle | binary: "not a bundle"}
    assert {:error, %Error{}} = Kernel.load(device, forged)
  end

  test "files that are not there", %{tmp_dir: dir, bundle: bundle} do
    assert {:error, %Error{code: :not_found, message: message}} =
             Bundle.read(Path.join(dir, "none"))

    assert message =~ "none"
    File.write!(Path.join(dir, "text"), "text")
    assert {:error, %Error{message: message}} = Bundle.read(Path.join(dir, "text"))
    assert message =~ "text: not a bundle"
    assert {:error, %Error{}} = Bundle.write(bundle, Path.join(dir, "no/such/folder"))
    assert_raise Error, fn -> Bundle.read!(Path.join(dir, "none")) end
  end

  test "mix amdgpu.compile writes bundles and says what failed", %{tmp_dir: dir, device: device} do
    Mix.shell(Mix.Shell.Process)
    on_exit(fn -> Mix.shell(Mix.Shell.IO) end)
    source = Path.join(dir, "saxpy.hip")
    File.write!(source, @source)
    out = Path.join(dir, "out")

    Mix.Task.rerun("amdgpu.compile", [
      source,
      "--out",
      out,
      "-D",
      "TERM=0.5f",
      "--targets",
      "host"
    ])

    assert_received {:mix_shell, :info, [line]}
    assert line =~ ~r"out/saxpy.amdgpu: host \d+ B"

    {:ok, kernel} =
      Kernel.load(device, Bundle.read!(Path.join(out, "saxpy.amdgpu")), name: "saxpy")

    assert run_saxpy(device, kernel) == [12.5, 24.5, 36.5]

    assert_raise Mix.Error, ~r/1 of 1 files failed/, fn ->
      Mix.Task.rerun("amdgpu.compile", [source, "--out", out])
    end

    assert_received {:mix_shell, :error, [message]}
    assert message =~ "TERM"
    assert_raise Mix.Error, ~r/no source files/, fn -> Mix.Task.rerun("amdgpu.compile", []) end
  end
end
