defmodule AMDGPU.BlasLibraryTest do
  # Products of matrices by a vendor's library, from Elixir through the worker to the call: over the
  # stand-ins for the vendors' libraries (tests/support/standin), in a VM of its own.
  use ExUnit.Case, async: true
  alias AMDGPU.{ChildVM, Native, NativeFiles}

  @worker "tests/c_src/runtime/amdgpu_worker_standin"
  @native ~w(amdgpu_nif.so amdgpu_compiler amdgpu_vendorcc kernels)

  # Built with the C++ tests.
  setup_all do
    preset = System.get_env("AMDGPU_NATIVE_PRESET", "release")
    root = Path.expand("../../..", __DIR__)
    build = System.get_env("AMDGPU_NATIVE_BUILD_DIR", Path.join([root, "build", preset]))
    worker = Path.join(build, @worker)

    usable? =
      case File.read(worker) do
        {:ok, bytes} -> :binary.match(bytes, Native.build_id()) != :nomatch
        {:error, _} -> false
      end

    {:ok, worker: usable? && worker}
  end

  defp run(context, code, env \\ []) do
    dir = context.tmp_dir
    for file <- @native, do: File.ln_s!(NativeFiles.path(file), Path.join(dir, file))
    File.ln_s!(context.worker, Path.join(dir, "amdgpu_worker"))
    env = [{"AMDGPU_PRIV_DIR", dir}, {"AMDGPU_CACHE_DIR", Path.join(dir, "cache")} | env]

    prelude = """
    alias AMDGPU.{Blas, Buffer}
    pack = fn list -> for(x <- list, into: <<>>, do: <<x::float-32-little>>) end
    unpack = fn bin -> for(<<x::float-32-little <- bin>>, do: x) end
    """

    ChildVM.run(prelude <> code, env: env)
  end

  @gemm """
  {:ok, device} = AMDGPU.open(KIND)
  {:ok, library} = Blas.library(device)
  IO.puts(library.name <> " " <> library.version)
  a = Buffer.from_binary!(device, :f32, pack.([1, 2, 3, 4, 5, 6]))
  b = Buffer.from_binary!(device, :f32, pack.([1, 0, 2, 0, 1, 3]))
  c = Buffer.from_binary!(device, :f32, pack.([10, 10, 10, 10]))
  {:ok, ^c} = Blas.gemm(a, b, c, {2, 3, 2}, transpose_b: true, beta: 0.5)
  IO.inspect(unpack.(Buffer.to_binary!(c)))
  {:ok, d} = AMDGPU.Math.matmul(a, b, {3, 2, 3})
  IO.inspect(unpack.(Buffer.to_binary!(d)))
  """

  for {kind, name} <- [cuda: "cuBLAS 12.4.5", hip: "rocBLAS 4.2.0.stand-in"] do
    @tag :tmp_dir
    test "on a device of kind #{kind}", context do
      if context.worker do
        {output, 0} = run(context, String.replace(@gemm, "KIND", unquote(inspect(kind))))

        assert output =~ unquote(name)
        # [[1, 2, 3], [4, 5, 6]] times [[1, 0], [0, 1], [2, 3]], and 5
        assert output =~ "[12.0, 16.0, 21.0, 28.0]"
        # [[1, 2], [3, 4], [5, 6]] times [[1, 0, 2], [0, 1, 3]]
        assert output =~ "[1.0, 2.0, 8.0, 3.0, 4.0, 18.0, 5.0, 6.0, 28.0]"
      else
        skipped()
      end
    end
  end

  @tag :tmp_dir
  test "a machine without one says why", context do
    if context.worker do
      code = """
      {:ok, device} = AMDGPU.open(:cuda)
      {:error, error} = Blas.library(device)
      IO.puts(Exception.message(error))
      """

      {output, 0} = run(context, code, [{"AMD_STANDIN_NO_BLAS", "1"}])
      assert output =~ "no usable cuBLAS: there is no libno_such_blas.so"
    else
      skipped()
    end
  end

  # A library that takes the worker down as it starts is tried once: the device is there again, and the
  # library is left alone.
  @tag :tmp_dir
  test "one that kills the worker is left alone", context do
    if context.worker do
      code = """
      {:ok, device} = AMDGPU.open(:hip, printf: :ignore)
      {:error, _} = Blas.library(device)
      {:error, _} = Blas.library(device)
      x = Buffer.from_binary!(device, :f32, pack.([1, 2, 3]))
      IO.inspect(unpack.(Buffer.to_binary!(x)))
      IO.puts("restarts: " <> inspect(AMDGPU.stats(device).restarts))
      """

      {output, 0} = run(context, code, [{"AMD_STANDIN_SCRIPT", "BlasCreate=abort"}])
      assert output =~ "[1.0, 2.0, 3.0]"
      assert output =~ "restarts: 1"
    else
      skipped()
    end
  end

  # What was built is known when the suite runs, not when it is compiled.
  defp skipped, do: IO.puts("skipped: #{@worker} is not built, or not of this build")
end
