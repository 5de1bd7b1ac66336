defmodule AMDGPU.Math do
  @moduledoc """
  Mathematics on buffers, with kernels that ship with the runtime. They are compiled on first use, for the device
  that the buffers are on, and kept.

      iex> device = AMDGPU.open!(:host)
      iex> x = AMDGPU.Buffer.from_binary!(device, :i32, <<1::32-little, 2::32-little, 3::32-little>>)
      iex> {:ok, y} = AMDGPU.Math.multiply(x, x)
      iex> {:ok, sum} = AMDGPU.Math.sum(y)
      iex> {sum.dtype, AMDGPU.Buffer.to_binary!(sum)}
      {:i64, <<14::64-little>>}
      iex> AMDGPU.close(device)
      :ok

  Buffers are flat; functions that need to know a shape take it as a tuple, row-major. A result is a new buffer, unless
  one is given.

  Options of all functions:

    * `out:` - a buffer for the result, of the right type and size; it may be one of the arguments where each element
      of the result depends on the same element of theirs alone
    * `stream:` - an `AMDGPU.Stream`; the default stream otherwise
    * `await:` - `false` queues the work and returns at once. The result can be used in the same stream right away; reading
      it waits. What goes wrong on the device is then seen by whoever waits for it. True by default
    * `timeout:` - of each launch, milliseconds, as for `AMDGPU.launch/3`

  Types: integers wrap around in their own type, except in sums, which are 64 bits wide. `:f16` and `:bf16` are computed
  with as `:f32`. A NaN is passed on.
  """

  import Kernel, except: [max: 2, min: 2]
  alias AMDGPU.{Bang, Buffer, Error}
  alias AMDGPU.Math.{Elementwise, Linear, Reduction}

  @type result :: {:ok, Buffer.t()} | {:error, Error.any_error()}
  @type operand :: Buffer.t() | number() | atom()

  @doc "A copy of a buffer of any type, made by a kernel."
  @spec copy(Buffer.t(), keyword()) :: result()
  def copy(x, options \\ []), do: Elementwise.copy(x, options)

  @doc "Sets every element of `x` to `value`, in place."
  @spec fill(Buffer.t(), number() | boolean() | atom(), keyword()) :: result()
  def fill(x, value, options \\ []), do: Elementwise.fill(x, value, options)

  @doc """
  Applies an operation to each element.

  `x` is a buffer, or `{x, y}` with a second buffer as large, or a number, as `y`. The operation is a name (see
  `operations/0`) or an expression in HIP C++ with `x` and `y` in it:

      iex> device = AMDGPU.open!(:host)
      iex> x = AMDGPU.Buffer.from_binary!(device, :f32, <<3.0::float-32-little>>)
      iex> {:ok, y} = AMDGPU.Math.map(x, "x * x + 1")
      iex> AMDGPU.Buffer.to_binary!(y)
      <<10.0::float-32-little>>
      iex> {:ok, y} = AMDGPU.Math.map({x, 4.0}, "sqrtf(x * x + y * y)")
      iex> AMDGPU.Buffer.to_binary!(y)
      <<5.0::float-32-little>>
      iex> AMDGPU.close(device)
      :ok
  """
  @spec map(Buffer.t() | {Buffer.t(), operand()}, atom() | String.t(), keyword()) :: result()
  def map(x, operation, options \\ []), do: Elementwise.map(x, operation, options)

  @doc """
  The names that `map/3` knows.

      iex> :tanh in AMDGPU.Math.operations()
      true
  """
  @spec operations() :: [atom()]
  def operations, do: Elementwise.operations()

  @doc "x + y; y is a buffer or a number."
  @spec add(Buffer.t(), operand(), keyword()) :: result()
  def add(x, y, options \\ []), do: Elementwise.map({x, y}, :add, options)

  @doc "x - y; y is a buffer or a number."
  @spec subtract(Buffer.t(), operand(), keyword()) :: result()
  def subtract(x, y, options \\ []), do: Elementwise.map({x, y}, :subtract, options)

  @doc "x y; y is a buffer or a number."
  @spec multiply(Buffer.t(), operand(), keyword()) :: result()
  def multiply(x, y, options \\ []), do: Elementwise.map({x, y}, :multiply, options)

  @doc "x / y; y is a buffer or a number. Integers are divided towards zero, and by zero give zero."
  @spec divide(Buffer.t(), operand(), keyword()) :: result()
  def divide(x, y, options \\ []), do: Elementwise.map({x, y}, :divide, options)

  @doc "The larger of x and y, element by element; y is a buffer or a number."
  @spec maximum(Buffer.t(), operand(), keyword()) :: result()
  def maximum(x, y, options \\ []), do: Elementwise.map({x, y}, :maximum, options)

  @doc "The smaller of x and y, element by element; y is a buffer or a number."
  @spec minimum(Buffer.t(), operand(), keyword()) :: result()
  def minimum(x, y, options \\ []), do: Elementwise.map({x, y}, :minimum, options)

  @doc "y = a x + y, in place of y; a is a number."
  @spec saxpy(number() | atom(), Buffer.t(), Buffer.t(), keyword()) :: result()
  def saxpy(a, x, y, options \\ []), do: Elementwise.saxpy(a, x, y, options)

  @doc """
  The sum of all elements, a buffer of one; or along a dimension.

  Options: `shape:`, the sizes of x, and `axis:`, the dimension that is summed over, from 0, or from the last, -1.
  Integers add up to `:i64` or `:u64`.
  """
  @spec sum(Buffer.t(), keyword()) :: result()
  def sum(x, options \\ []), do: Reduction.reduce(:sum, x, options)

  @doc "The largest element. Options as for `sum/2`."
  @spec max(Buffer.t(), keyword()) :: result()
  def max(x, options \\ []), do: Reduction.reduce(:max, x, options)

  @doc "The smallest element. Options as for `sum/2`."
  @spec min(Buffer.t(), keyword()) :: result()
  def min(x, options \\ []), do: Reduction.reduce(:min, x, options)

  @doc """
  The index of the largest element, as `:i64`: the first one, if there are several; the first NaN, if there is one.
  Options as for `sum/2`; with an axis the index is along it.
  """
  @spec argmax(Buffer.t(), keyword()) :: result()
  def argmax(x, options \\ []), do: Reduction.reduce(:argmax, x, options)

  @doc "The index of the smallest element. As `argmax/2`."
  @spec argmin(Buffer.t(), keyword()) :: result()
  def argmin(x, options \\ []), do: Reduction.reduce(:argmin, x, options)

  @doc """
  Running sums: each element with all before it; with `exclusive: true` those before it alone. Integers give `:i64` or
  `:u64`.
  """
  @spec scan(Buffer.t(), keyword()) :: result()
  def scan(x, options \\ []), do: Reduction.scan(x, options)

  @doc "Transposes a matrix of `{rows, columns}`, or each of a batch, `{batch, rows, columns}`. Not in place."
  @spec transpose(Buffer.t(), tuple(), keyword()) :: result()
  def transpose(x, shape, options \\ []), do: Linear.transpose(x, shape, options)

  @doc """
  The product of a matrix a of m × k and a matrix b of k × n; `shape` is `{m, k, n}`, or `{batch, m, k, n}`.

  Options: `transpose_a:`, `transpose_b:`: the buffer holds the transposed matrix. More is in `AMDGPU.Blas.gemm/5`.
  """
  @spec matmul(Buffer.t(), Buffer.t(), tuple(), keyword()) :: result()
  def matmul(a, b, shape, options \\ []), do: Linear.matmul(a, b, shape, options)

  @doc """
  Two-dimensional convolution, as neural networks call it: the filter is not flipped.

  Options: `input:`, `{images, channels, height, width}`, and `filter:`, `{filters, channels / groups, height, width}`,
  the shapes, both required; `stride:`, `padding:`, `dilation:`, each a number or `{y, x}`; `groups:`; `bias:`, a buffer
  with a number for each filter. The result is `{images, filters, out_height, out_width}`.
  """
  @spec conv2d(Buffer.t(), Buffer.t(), keyword()) :: result()
  def conv2d(input, filter, options), do: Linear.conv2d(input, filter, options)

  @doc "softmax of each row of `{rows, columns}`; with `log: true` its logarithm."
  @spec softmax(Buffer.t(), tuple(), keyword()) :: result()
  def softmax(x, shape, options \\ []), do: Reduction.softmax(x, shape, options)

  @doc """
  How many elements fall into each bin, as `:u32`.

  Options: `bins:`, 256 by default, of equal width over `range:`, `{low, high}`, the last one with `high` in it. What
  lies outside, and NaN, is not counted. For `:u8` and 256 bins the range can be left out: a bin for each value.
  """
  @spec histogram(Buffer.t(), keyword()) :: result()
  def histogram(x, options \\ []), do: Reduction.histogram(x, options)

  @doc """
  tanh(alpha x) + beta x exp(-x²), of the neuromorphic core class.

  Options: `alpha:`, `beta:`, 1.0 by default.
  """
  @spec neuromorphic_activation(Buffer.t(), keyword()) :: result()
  def neuromorphic_activation(x, options \\ []),
    do: Elementwise.neuromorphic_activation(x, options)

  @doc """
  A step of momentum, in place: momentum = decay · momentum + (1 - decay) · gradient; and a learning rate for each
  parameter, learning_rate / (1 + |gradient|).

  Options: `learning_rate:`, 0.001 by default; `decay:`, 0.9.
  """
  @spec adaptive_learning_rate(Buffer.t(), Buffer.t(), keyword()) ::
          {:ok,
           %{
             momentum: Buffer.t(),
             learning_rates: Buffer.t(),
             gradient_norms: Buffer.t()
           }}
          | {:error, Error.any_error()}
  def adaptive_learning_rate(gradients, momentum, options \\ []),
    do: Elementwise.adaptive_learning_rate(gradients, momentum, options)

  # The twins that raise: the same arguments, the result itself.
  twins = [
    copy: 2,
    fill: 3,
    map: 3,
    add: 3,
    subtract: 3,
    multiply: 3,
    divide: 3,
    maximum: 3,
    minimum: 3,
    saxpy: 4,
    sum: 2,
    max: 2,
    min: 2,
    argmax: 2,
    argmin: 2,
    scan: 2,
    transpose: 3,
    matmul: 4,
    conv2d: 3,
    softmax: 3,
    histogram: 2,
    neuromorphic_activation: 2,
    adaptive_learning_rate: 3
  ]

  for {name, arity} <- twins do
    arguments = Macro.generate_arguments(arity - 1, __MODULE__)
    types = List.duplicate(quote(do: term()), arity - 1)

    @doc "Like `#{name}/#{arity}`, but raises."
    @spec unquote(:"#{name}!")(unquote_splicing(types), keyword()) ::
            Buffer.t() | %{atom() => Buffer.t()}
    def unquote(:"#{name}!")(unquote_splicing(arguments), options \\ []),
      do: Bang.value!(unquote(name)(unquote_splicing(arguments), options))
  end
end
