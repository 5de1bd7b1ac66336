defmodule AMDGPU.Blas do
  @moduledoc """
  Dense linear algebra on buffers, with the kernels that ship with the runtime. Matrices are row-major.
  """

  alias AMDGPU.{Bang, Buffer, Error}
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
    * `stream:`, `await:`, `timeout:` - as for `AMDGPU.Math`
  """
  @spec gemm(Buffer.t(), Buffer.t(), Buffer.t(), tuple(), keyword()) ::
          {:ok, Buffer.t()} | {:error, Error.any_error()}
  def gemm(a, b, c, shape, options \\ []) do
    own = [
      alpha: {1.0, &is_number/1, "a number"},
      beta: {0.0, &is_number/1, "a number"},
      transpose_a: {false, &is_boolean/1, "true or false"},
      transpose_b: {false, &is_boolean/1, "true or false"}
    ]

    with {:ok, options} <- Arguments.options(options, own ++ Arguments.in_place()),
         flags = Map.take(options, [:alpha, :beta, :transpose_a, :transpose_b]),
         {:ok, launches} <- launches(a, b, c, shape, Map.to_list(flags)),
         do: Launcher.run(launches, options, {c, false})
  end

  @doc "Like `gemm/5`, but raises."
  @spec gemm!(Buffer.t(), Buffer.t(), Buffer.t(), tuple(), keyword()) :: Buffer.t()
  def gemm!(a, b, c, shape, options \\ []), do: Bang.value!(gemm(a, b, c, shape, options))

  @doc false
  # The launches of a gemm whose options have been checked.
  def launches(a, b, c, shape, flags) do
    flags =
      Map.merge(%{alpha: 1.0, beta: 0.0, transpose_a: false, transpose_b: false}, Map.new(flags))

    with {:ok, a} <- Arguments.buffer(a, "a", Arguments.floats()),
         :ok <- Arguments.alike(b, a, "b"),
         :ok <- Arguments.alike(c, a, "c"),
         {:ok, sizes} <- Arguments.shape(shape, "shape", [3, 4]),
         [batch, m, k, n] = if(length(sizes) == 3, do: [1 | sizes], else: sizes),
         :ok <- Arguments.elements(a, batch * m * k, "a"),
         :ok <- Arguments.elements(b, batch * k * n, "b"),
         :ok <- Arguments.elements(c, batch * m * n, "c"),
         :ok <- check_apart(a, b, c),
         tile = tile(a, batch, m, n),
         rows = ceil_div(m, tile.block),
         :ok <- check_blocks(batch, rows, [m, k, n]),
         {:ok, kernel} <- kernel(a, tile, flags) do
      lines = [if(flags.transpose_a, do: m, else: k), if(flags.transpose_b, do: k, else: n), n]
      numbers = lines ++ [m * k, k * n, m * n, flags.alpha, flags.beta]
      threads = div(tile.block, tile.thread)
      shape = [grid: {ceil_div(n, tile.block), rows, batch}, block: {threads, threads}]
      launch = {kernel, shape, [a, b, c, m, n, k | numbers]}
      {:ok, if(batch * m * n > 0, do: [launch], else: [])}
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
