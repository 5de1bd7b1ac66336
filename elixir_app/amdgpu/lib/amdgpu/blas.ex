defmodule AMDGPU.Blas do
  @moduledoc """
  Dense linear algebra on buffers. Matrices are row-major.

  On a GPU whose machine has the vendor's library (rocBLAS on AMD, cuBLAS on NVIDIA) that does the work,
  in the device's worker: it is opened at the first call for a device, which takes a few hundred
  milliseconds then. Everywhere else, and with `library: false`, the kernels that ship with the runtime do.
  `library/1` says which it is.
  """

  alias AMDGPU.{Bang, Buffer, Device, DType, Error, Kernel, Library}
  alias AMDGPU.Math.{Arguments, Launcher}

  # By which the kernel knows the type.
  @matrix_types %{f16: :MATRIX_F16, bf16: :MATRIX_BF16, f32: :MATRIX_F32, f64: :MATRIX_F64}

  # Most matrices of a batch, and rows of blocks, that every device takes.
  @most_blocks 65_535

  @doc """
  C = alpha op(A) op(B) + beta C, in place of C: op(A) is m × k, op(B) k × n.

  `shape` is `{m, k, n}`, or `{batch, m, k, n}` for as many matrices one behind the other. The buffers are of
  one type, `:f16`, `:bf16`, `:f32` or `:f64`; 16-bit floats are multiplied and added up as f32. Where the
  device has matrix cores for the type, they are used.

      iex> device = AMDGPU.open!(:host)
      iex> floats = fn list -> for(x <- list, into: <<>>, do: <<x::float-32-little>>) end
      iex> a = AMDGPU.Buffer.from_binary!(device, :f32, floats.([1.0, 2.0]))
      iex> b = AMDGPU.Buffer.from_binary!(device, :f32, floats.([3.0, 4.0]))
      iex> c = AMDGPU.Buffer.from_binary!(device, :f32, floats.([100.0]))
      iex> {:ok, _} = AMDGPU.Blas.gemm(a, b, c, {1, 2, 1}, alpha: 2.0, beta: 0.5)
      iex> AMDGPU.Buffer.to_binary!(c)
      <<72.0::float-32-little>>
      iex> AMDGPU.close(device)
      :ok

  Options:

    * `alpha:`, `beta:` - numbers; 1.0 and 0.0. With a `beta` of 0 what C holds does not matter
    * `transpose_a:`, `transpose_b:` - `true`: the buffer holds the transposed matrix, k × m or n × k
    * `library:` - `false`: with the runtime's own kernel, whether there is a library or not
    * `stream:`, `await:`, `timeout:` - as for `AMDGPU.Math`
  """
  @spec gemm(Buffer.t(), Buffer.t(), Buffer.t(), tuple(), keyword()) ::
          {:ok, Buffer.t()} | {:error, Error.any_error()}
  def gemm(a, b, c, shape, options \\ []) do
    own = [
      alpha: {1.0, &is_number/1, "a number"},
      beta: {0.0, &is_number/1, "a number"},
      transpose_a: {false, &is_boolean/1, "true or false"},
      transpose_b: {false, &is_boolean/1, "true or false"},
      library: {true, &is_boolean/1, "true or false"}
    ]

    with {:ok, options} <- Arguments.options(options, own ++ Arguments.in_place()),
         flags = Map.take(options, [:alpha, :beta, :transpose_a, :transpose_b, :library]),
         {:ok, launches} <- launches(a, b, c, shape, Map.to_list(flags)),
         do: Launcher.run(launches, options, {c, false})
  end

  @doc "Like `gemm/5`, but raises."
  @spec gemm!(Buffer.t(), Buffer.t(), Buffer.t(), tuple(), keyword()) :: Buffer.t()
  def gemm!(a, b, c, shape, options \\ []), do: Bang.value!(gemm(a, b, c, shape, options))

  @doc """
  The vendor's library that does the work on `device`: its `name`, `version` and `path`. An error with the
  reason where there is none. The first call for a device opens it.

      iex> device = AMDGPU.open!(:host)
      iex> {:error, %AMDGPU.Error{code: :not_found} = error} = AMDGPU.Blas.library(device)
      iex> Exception.message(error)
      "the host device uses no libraries"
      iex> AMDGPU.close(device)
      :ok
  """
  @spec library(Device.t()) ::
          {:ok, %{name: String.t(), version: String.t(), path: String.t()}}
          | {:error, Error.any_error()}
  def library(%Device{} = device) do
    with {:ok, kernel} <- Library.vendor_function(device, "blas", "gemm_f32"),
         do: {:ok, Kernel.info(kernel).library}
  end

  @flags %{alpha: 1.0, beta: 0.0, transpose_a: false, transpose_b: false, library: true}

  @doc false
  # The launches of a gemm whose options have been checked.
  def launches(a, b, c, shape, flags) do
    flags = Map.merge(@flags, Map.new(flags))

    with {:ok, a} <- Arguments.buffer(a, "a", Arguments.floats()),
         :ok <- Arguments.alike(b, a, "b"),
         :ok <- Arguments.alike(c, a, "c"),
         {:ok, sizes} <- Arguments.shape(shape, "shape", [3, 4]),
         [batch, m, k, n] = if(length(sizes) == 3, do: [1 | sizes], else: sizes),
         :ok <- Arguments.elements(a, batch * m * k, "a"),
         :ok <- Arguments.elements(b, batch * k * n, "b"),
         :ok <- Arguments.elements(c, batch * m * n, "c"),
         :ok <- check_apart(a, b, c) do
      product = %{a: a, b: b, c: c, batch: batch, m: m, k: k, n: n}
      lines = [if(flags.transpose_a, do: m, else: k), if(flags.transpose_b, do: k, else: n), n]
      product = Map.put(product, :lines, lines)

      cond do
        batch * m * n == 0 ->
          {:ok, []}

        function = library_function(product, flags) ->
          {:ok, [library_call(function, product, flags)]}

        true ->
          own_launch(product, flags)
      end
    end
  end

  # Sizes are ints there; a sum of nothing is nothing that the libraries agree on.
  defp library_function(
         %{a: %{device: %{properties: %{kind: kind}} = device, dtype: dtype}} = p,
         flags
       )
       when kind != :host do
    if flags.library and p.k > 0 and Enum.all?([p.batch, p.m, p.k, p.n], &(&1 <= 0x7FFFFFFF)) do
      case Library.vendor_function(device, "blas", "gemm_#{dtype}") do
        {:ok, kernel} -> kernel
        {:error, _why} -> nil
      end
    end
  end

  defp library_function(_product, _flags), do: nil

  defp library_call(function, %{m: m, k: k, n: n} = p, flags) do
    transposed = for flag <- [flags.transpose_a, flags.transpose_b], do: if(flag, do: 1, else: 0)

    arguments =
      [p.a, p.b, p.c, m, n, k] ++
        p.lines ++ [m * k, k * n, m * n, p.batch, flags.alpha, flags.beta] ++ transposed

    {function, [grid: 1, block: 1] ++ work(p), arguments}
  end

  # For telemetry: each matrix is touched once, at best.
  defp work(%{m: m, k: k, n: n, batch: batch} = p) do
    {:ok, size} = DType.size(p.a.dtype)
    [flops: 2 * batch * m * k * n, bytes: batch * (m * k + k * n + m * n) * size]
  end

  defp own_launch(%{a: a, m: m, k: k, n: n, batch: batch} = p, flags) do
    tile = tile(a, batch, m, n)
    rows = ceil_div(m, tile.block)

    with :ok <- check_blocks(batch, rows, [m, k, n]),
         {:ok, kernel} <- kernel(a, tile, flags) do
      numbers = p.lines ++ [m * k, k * n, m * n, flags.alpha, flags.beta]
      threads = div(tile.block, tile.thread)
      shape = [grid: {ceil_div(n, tile.block), rows, batch}, block: {threads, threads}]
      {:ok, [{kernel, shape ++ work(p), [a, p.b, p.c, m, n, k | numbers]}]}
    end
  end

  defp kernel(a, tile, flags) do
    threads = div(tile.block, tile.thread)

    defines =
      Launcher.element(a.dtype) ++
        [TRANSPOSE_A: flags.transpose_a, TRANSPOSE_B: flags.transpose_b] ++
        [BLOCK_M: tile.block, BLOCK_N: tile.block, BLOCK_K: tile.depth] ++
        [THREAD_M: tile.thread, THREAD_N: tile.thread, MATRIX: tile.matrix] ++
        if(tile.matrix, do: [{@matrix_types[a.dtype], true}], else: [])

    Launcher.kernel(a.device, "matmul.hip", "matmul", defines,
      core: :matrix,
      block: {threads, threads}
    )
  end

  # A CPU turns threads into vector lanes: one element each. A GPU's thread keeps many in registers; where the
  # large tiles would leave much of it idle, smaller ones are taken.
  defp tile(%{device: %{properties: %{kind: :host}}}, _batch, _m, _n),
    do: %{block: 32, thread: 1, depth: 32, matrix: false}

  defp tile(%{dtype: dtype, device: device}, batch, m, n) do
    large? = batch * ceil_div(m, 128) * ceil_div(n, 128) >= device.properties.compute_units
    depth = if dtype in [:f16, :bf16], do: 32, else: 16

    if large? and dtype != :f64,
      do: %{block: 128, thread: 8, depth: depth, matrix: true},
      else: %{block: 64, thread: 4, depth: depth, matrix: true}
  end

  defp check_blocks(batch, rows, sizes) do
    if batch <= @most_blocks and rows <= @most_blocks and Enum.all?(sizes, &(&1 < 0x7FFFFF00)),
      do: :ok,
      else: {:error, Error.invalid("shape: it is too large for one launch")}
  end

  defp check_apart(%{ref: a}, %{ref: b}, %{ref: c}) when c in [a, b],
    do: {:error, Error.invalid("c: this cannot be done in place of a or b")}

  defp check_apart(_a, _b, _c), do: :ok

  defp ceil_div(a, b), do: div(a + b - 1, b)
end
