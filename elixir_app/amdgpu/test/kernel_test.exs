defmodule AMDGPU.KernelTest do
  use AMDGPU.DeviceCase, async: true
  alias AMDGPU.{Buffer, CompileError, Error, Kernel, TimeoutError}

  # A source that no other test has compiled.
  defp fresh(body) do
    "// #{System.unique_integer()} #{System.os_time()}\n" <>
      ~s|extern "C" __global__ void k(int* out) { #{body} }|
  end

  describe "compile/4" do
    test "compiles once and then finds it", %{device: device} do
      source = fresh("out[0] = 42;")

      assert {:ok, %Kernel{name: "k", origin: :compiled} = kernel} =
               Kernel.compile(device, source, "k")

      assert {:ok, %Kernel{origin: :memory}} = Kernel.compile(device, source, "k")
      {:ok, out} = Buffer.zeros(device, :i32, 1)
      AMDGPU.run!(kernel, [grid: 1, block: 1], [out])
      assert numbers(out) == [42]
      assert inspect(kernel) == "#AMDGPU.Kernel<k on #{AMDGPU.Device.label(device)}>"
    end

    test "on another device takes the same code", %{device: device} do
      source = fresh("out[0] = 43;")
      {:ok, _} = Kernel.compile(device, source, "k")
      other = AMDGPU.open!(device_under_test())
      assert {:ok, %Kernel{origin: :memory} = kernel} = Kernel.compile(other, source, "k")
      {:ok, out} = Buffer.zeros(other, :i32, 1)
      AMDGPU.run!(kernel, [grid: 1, block: 1], [out])
      assert numbers(out) == [43]
      AMDGPU.close(other)
    end

    test "is done once for many processes at once", %{device: device} do
      source = fresh("out[0] = 44;")
      before = AMDGPU.Compiler.stats()

      tasks =
        for _ <- 1..20, do: Task.async(fn -> Kernel.compile!(device, source, "k").origin end)

      origins = Task.await_many(tasks, 60_000)
      assert length(origins) == 20
      stats = AMDGPU.Compiler.stats()
      # Other tests may compile at the same time, but never twenty sources.
      assert stats.compiled - before.compiled < 20
      assert stats.joined > before.joined or stats.memory_hits > before.memory_hits
    end

    test "finds kernels that are not extern C, and instances of templates", %{device: device} do
      source = """
      template <typename T> __global__ void scale(T* x, T by) { x[threadIdx.x] *= by; }
      namespace deep { __global__ void inc(int* x) { x[threadIdx.x] += 1; } }
      """

      names = ["scale<float>", "scale<int>", "deep::inc"]
      [floats, ints, inc] = Enum.map(names, &Kernel.compile!(device, source, &1, names: names))
      {:ok, x} = Buffer.from_binary(device, :f32, pack(:f32, [1.5, 2.5]))
      AMDGPU.run!(floats, [grid: 1, block: 2], [x, 2.0])
      assert numbers(x) == [3.0, 5.0]
      {:ok, y} = Buffer.from_binary(device, :i32, pack(:i32, [3, 4]))
      AMDGPU.run!(ints, [grid: 1, block: 2], [y, 10])
      AMDGPU.run!(inc, [grid: 1, block: 2], [y])
      assert numbers(y) == [31, 41]
    end

    test "of a name that is not there says so", %{device: device} do
      assert {:error, %CompileError{kernel: "nothing"} = error} =
               Kernel.compile(device, fresh("out[0] = 1;"), "nothing")

      assert Exception.message(error) =~ "nothing"
    end

    test "specialises by constants", %{device: device} do
      source = fresh("out[0] = TILE; out[1] = NAME; out[2] = FLAG; out[3] = OFF;")
      {:ok, out} = Buffer.zeros(device, :i32, 4)

      for tile <- [16, 32] do
        defines = %{:TILE => tile, "NAME" => "(3 + 4)", :FLAG => true, :OFF => false}
        {:ok, kernel} = Kernel.compile(device, source, "k", defines: defines)
        AMDGPU.run!(kernel, [grid: 1, block: 1], [out])
        assert numbers(out) == [tile, 7, 1, 0]
      end

      assert {:error, %CompileError{}} = Kernel.compile(device, source, "k")
    end

    test "checks its options", %{device: device} do
      for {option, word} <- [
            {[core: :vector], ":aura"},
            {[std: "c++98"], "c++17"},
            {[define: %{}], ":defines"},
            {[defines: %{X: [1]}], ":X"},
            {[strict_math: 1], "true or false"},
            {[block: 0], "positive"},
            {[timeout: 0], "milliseconds"},
            {[names: "k"], "list"},
            {[file: nil], "file"}
          ] do
        assert {:error, %Error{code: :invalid_argument, message: message}} =
                 Kernel.compile(device, "", "k", option)

        assert message =~ word
      end
    end

    test "takes every language standard and strict math", %{device: device} do
      for std <- ~w(c++11 c++14 c++17 c++20) do
        assert {:ok, _} = Kernel.compile(device, fresh("out[0] = 1;"), "k", std: std)
      end

      assert {:ok, _} = Kernel.compile(device, fresh("out[0] = 1;"), "k", strict_math: true)
    end

    test "for a block shape makes code for it", %{device: device} do
      source = fresh("out[threadIdx.x + 4 * threadIdx.y] = threadIdx.y;")
      {:ok, kernel} = Kernel.compile(device, source, "k", block: {4, 2})
      {:ok, out} = Buffer.zeros(device, :i32, 8)
      AMDGPU.run!(kernel, [grid: 1, block: {4, 2}], [out])
      assert numbers(out) == [0, 0, 0, 0, 1, 1, 1, 1]
    end

    @tag :host_only
    test "the shape in use is specialised on in the background", %{device: device} do
      {:ok, out} = Buffer.zeros(device, :i32, 64)
      {:ok, kernel} = Kernel.compile(device, fresh("out[threadIdx.x] = threadIdx.x;"), "k")

      eventually(fn ->
        AMDGPU.run!(kernel, [grid: 1, block: 64], [out]).specialised
      end)

      assert {64, 1, 1} in Kernel.info(kernel).specialised_shapes
      assert numbers(out) == Enum.to_list(0..63)
    end
  end

  describe "info/1" do
    test "is the signature", %{device: device} do
      info = device |> kernel(:saxpy, core: :matrix) |> Kernel.info()
      assert info.name == "saxpy"
      assert info.core == :matrix
      assert [n, a, x, y] = info.params
      assert %{name: "n", type: "int", kind: :scalar, dtype: :i32, size: 4} = n
      assert %{name: "a", kind: :scalar, dtype: :f32} = a
      assert %{name: "x", kind: :pointer, dtype: :f32, read_only: true, size: 8} = x
      assert %{name: "y", kind: :pointer, dtype: :f32, read_only: false} = y
      assert byte_size(info.key) == 64
      assert info.code_bytes > 0
    end

    test "has vector pointers, structs and shared memory", %{device: device} do
      source = """
      struct Pair { float a; int b; };
      extern "C" __global__ void __launch_bounds__(128) k(const float4* v, Pair p, double2 d) {
        __shared__ float tile[64];
        tile[threadIdx.x] = v[0].x + p.a + d.x;
        __syncthreads();
        if (tile[0] == 1.0f) __builtin_trap();
      }
      """

      info = device |> Kernel.compile!(source, "k") |> Kernel.info()
      assert [v, p, d] = info.params
      assert %{kind: :pointer, dtype: :f32, lanes: 4, read_only: true} = v
      assert %{kind: :aggregate, size: 8} = p
      assert %{kind: :aggregate, size: 16} = d
      assert info.static_shared_bytes >= 256
      assert info.max_threads_per_block == 128
    end

    test "has the warnings", %{device: device} do
      source = fresh("int unused; out[0] = 1; #warning careful\n")
      source = String.replace(source, "#warning", "\n#warning")

      case Kernel.compile(device, source, "k") do
        {:ok, kernel} ->
          assert [%AMDGPU.Diagnostic{severity: :warning} | _] = Kernel.info(kernel).warnings

        {:error, error} ->
          flunk(Exception.message(error))
      end
    end
  end

  describe "a wrong source" do
    test "gives diagnostics with the line and a caret", %{device: device} do
      source = """
      extern "C" __global__ void k(int* out) {
        out[0] = missing;
      }
      """

      assert {:error, %CompileError{kernel: "k", reason: :source_error} = error} =
               Kernel.compile(device, source, "k", file: "mine.hip")

      assert [%{severity: :error, file: "mine.hip", line: 2, column: 12} = diagnostic | _] =
               error.diagnostics

      assert diagnostic.message =~ "missing"
      assert diagnostic.source_line =~ "out[0] = missing;"
      message = Exception.message(error)
      assert message =~ "mine.hip:2:12: error:"
      assert message =~ "    out[0] = missing;\n             ^"
      assert_raise CompileError, fn -> Kernel.compile!(device, source, "k") end
    end

    test "is not remembered as an answer to other sources", %{device: device} do
      assert {:error, %CompileError{}} = Kernel.compile(device, fresh("out[0] = ;"), "k")
      assert {:ok, _} = Kernel.compile(device, fresh("out[0] = 1;"), "k")
    end

    test "of a hundred nested parentheses, of nothing, of bytes that are no text", %{
      device: device
    } do
      nested = String.duplicate("(", 200) <> "1" <> String.duplicate(")", 200)
      assert {:ok, _} = Kernel.compile(device, fresh("out[0] = #{nested};"), "k")
      deep = String.duplicate("(", 100_000) <> "1" <> String.duplicate(")", 100_000)
      assert {:error, _} = Kernel.compile(device, fresh("out[0] = #{deep};"), "k")
      assert {:error, %CompileError{}} = Kernel.compile(device, "", "k")
      assert {:error, _} = Kernel.compile(device, <<0, 255, 0, 128>>, "k")
      assert {:error, _} = Kernel.compile(device, :rand.bytes(10_000), "k")
      assert {:ok, _} = Kernel.compile(device, fresh("out[0] = 1;"), "k")
    end

    for file <- ["/etc/passwd", "/dev/zero", "../secret.h", "/proc/self/environ"] do
      test "cannot include #{file}, and shows nothing of it", %{device: device} do
        source = ~s(#include "#{unquote(file)}"\n) <> fresh("out[0] = 1;")
        assert {:error, %CompileError{} = error} = Kernel.compile(device, source, "k")
        refute Exception.message(error) =~ "root:"
        refute inspect(error, limit: :infinity) =~ "/bin/bash"
      end
    end
  end

  describe "compile_async/4" do
    # 2^40 instantiations, unless it is stopped.
    @endless """
    template <int N, long M> struct A { static constexpr long v = A<N - 1, 2 * M>::v + A<N - 1, 2 * M + 1>::v; };
    template <long M> struct A<0, M> { static constexpr long v = M; };
    extern "C" __global__ void k(long long* out) { out[0] = A<40, 1>::v; }
    """

    test "gives a job to await", %{device: device} do
      assert {:ok, job} = Kernel.compile_async(device, fresh("out[0] = 1;"), "k")
      assert {:ok, %Kernel{}} = AMDGPU.await(job)
      assert {:ok, %Kernel{}} = AMDGPU.await(job, 0)
      refute Kernel.cancel(job)
    end

    test "can be cancelled", %{device: device} do
      {:ok, job} =
        Kernel.compile_async(device, "// #{System.unique_integer()}\n" <> @endless, "k")

      assert {:error, %TimeoutError{what: "await"}} = AMDGPU.await(job, 100)
      assert Kernel.cancel(job)
      assert {:error, %CompileError{reason: :cancelled}} = AMDGPU.await(job, 5_000)
      assert mailbox() == []
    end

    test "has a timeout", %{device: device} do
      source = "// #{System.unique_integer()}\n" <> @endless
      started = System.monotonic_time(:millisecond)
      assert {:error, %TimeoutError{} = error} = Kernel.compile(device, source, "k", timeout: 300)
      assert Exception.message(error) =~ "300"
      assert System.monotonic_time(:millisecond) - started < 10_000
      assert {:ok, _} = Kernel.compile(device, fresh("out[0] = 1;"), "k")
    end
  end

  describe "occupancy/3" do
    test "suggests a block", %{device: device} do
      kernel = Kernel.compile!(device, fresh("out[0] = 1;"), "k")
      assert {:ok, occupancy} = Kernel.occupancy(kernel, {8, 8})
      assert occupancy.blocks_per_unit >= 1
      assert occupancy.ratio > 0 and occupancy.ratio <= occupancy.best_ratio
      best = Kernel.occupancy!(kernel, occupancy.suggested_block)
      assert best.ratio == occupancy.best_ratio
      assert Kernel.occupancy!(kernel, 64, shared: 1_000_000_000).blocks_per_unit == 0
    end

    test "refuses what is no block", %{device: device} do
      kernel = Kernel.compile!(device, fresh("out[0] = 2;"), "k")

      for block <- [0, nil, {1, 0}, "64"],
          do: assert({:error, _} = Kernel.occupancy(kernel, block))
    end
  end

  describe "put_global/4" do
    @source """
    __constant__ int factor[4];
    __device__ int counter;
    extern "C" __global__ void k(int* out) {
      out[threadIdx.x] = factor[threadIdx.x];
      atomicAdd(&counter, 1);
    }
    extern "C" __global__ void count(int* out) { out[0] = counter; }
    """

    test "writes a variable that the launches after it see", %{device: device} do
      names = ["k", "count"]
      [k, count] = Enum.map(names, &Kernel.compile!(device, @source, &1, names: names))
      {:ok, out} = Buffer.zeros(device, :i32, 4)
      assert :ok = Kernel.put_global(k, "factor", pack(:i32, [1, 2, 3, 4]))
      assert :ok = Kernel.put_global(k, "factor", pack(:i32, [9]), offset: 4)
      AMDGPU.run!(k, [grid: 1, block: 4], [out])
      assert numbers(out) == [1, 9, 3, 4]
      assert :ok = Kernel.put_global(k, "counter", pack(:i32, [100]))
      AMDGPU.run!(k, [grid: 1, block: 4], [out])
      AMDGPU.run!(count, [grid: 1, block: 1], [out])
      assert [104 | _] = numbers(out)
      assert Kernel.get_global!(k, "counter", 4) == pack(:i32, [104])
      assert Kernel.get_global!(k, "factor", 8, offset: 4) == pack(:i32, [9, 3])
    end

    test "refuses what is not there or does not fit", %{device: device} do
      kernel = Kernel.compile!(device, @source, "k")
      assert {:error, %Error{code: :not_found}} = Kernel.put_global(kernel, "nothing", <<1>>)
      assert {:error, _} = Kernel.put_global(kernel, "counter", <<0::64>>)
      assert {:error, _} = Kernel.put_global(kernel, "counter", <<0::8>>, offset: 4)
      assert {:error, %Error{code: :not_found}} = Kernel.get_global(kernel, "nothing", 1)
      assert {:error, _} = Kernel.get_global(kernel, "counter", 5)
    end
  end

  describe "a module that nobody refers to" do
    @source """
    __device__ int counter;
    extern "C" __global__ void count(int* out) { out[0] = atomicAdd(&counter, 1) + 1; }
    """

    # In a process whose handles go with it.
    defp count(device) do
      fn ->
        kernel = Kernel.compile!(device, @source, "count")
        out = Buffer.zeros!(device, :i32, 1)
        AMDGPU.run!(kernel, [grid: 1, block: 1], [out])
        [n] = numbers(out)
        n
      end
      |> Task.async()
      |> Task.await()
    end

    test "stays loaded until it is trimmed, and then starts anew", %{device: device} do
      assert count(device) == 1
      assert count(device) == 2

      eventually(fn ->
        :ok = AMDGPU.trim(device)
        count(device) == 1
      end)
    end
  end

  describe "the disk cache" do
    @tag :tmp_dir
    test "outlives the VM, and what is corrupt is made again", %{tmp_dir: dir} do
      code = """
      device = AMDGPU.open!(:host)
      source = ~S|extern "C" __global__ void k(int* out) { out[0] = 5; }|
      IO.puts("origin " <> to_string(AMDGPU.Kernel.compile!(device, source, "k").origin))
      """

      dir = Path.join(Path.expand(dir), "cache")

      run = fn ->
        {output, 0} = AMDGPU.ChildVM.run(code, env: [{"AMDGPU_CACHE_DIR", dir}])
        [_, origin] = Regex.run(~r/^origin (\w+)$/m, output)
        origin
      end

      assert run.() == "compiled"
      assert run.() == "disk"

      for file <- Path.wildcard(dir <> "/**/*", match_dot: true), File.regular?(file) do
        File.write!(file, "garbage")
      end

      assert run.() == "compiled"
      assert run.() == "disk"
      assert Bitwise.band(File.stat!(dir).mode, 0o077) == 0
    end
  end
end
