defmodule AMDGPU.DType do
  @moduledoc """
  Element types of buffers.

  | type | size in bytes | in HIP C++ |
  |---|---|---|
  | `:i8`, `:u8`, `:bool` | 1 | `char`/`int8_t`, `unsigned char`, `bool` |
  | `:i16`, `:u16` | 2 | `short`, `unsigned short` |
  | `:i32`, `:u32` | 4 | `int`, `unsigned` |
  | `:i64`, `:u64` | 8 | `long long`, `unsigned long long` |
  | `:f16`, `:bf16` | 2 | `__half`/`_Float16`, `__bf16` |
  | `:f32`, `:f64` | 4, 8 | `float`, `double` |
  """

  @type t ::
          :i8
          | :u8
          | :i16
          | :u16
          | :i32
          | :u32
          | :i64
          | :u64
          | :f16
          | :bf16
          | :f32
          | :f64
          | :bool

  @sizes [
    i8: 1,
    u8: 1,
    i16: 2,
    u16: 2,
    i32: 4,
    u32: 4,
    i64: 8,
    u64: 8,
    f16: 2,
    bf16: 2,
    f32: 4,
    f64: 8,
    bool: 1
  ]

  @doc """
  Every element type.

      iex> :f32 in AMDGPU.DType.all()
      true
  """
  @spec all() :: [t()]
  def all, do: Keyword.keys(@sizes)

  @doc """
  The size of one element in bytes, or `:error` for something that is not an element type.

      iex> AMDGPU.DType.size(:f64)
      {:ok, 8}
      iex> AMDGPU.DType.size(:f8)
      :error
  """
  @spec size(t() | term()) :: {:ok, 1 | 2 | 4 | 8} | :error
  for {type, size} <- @sizes do
    def size(unquote(type)), do: {:ok, unquote(size)}
  end

  def size(_), do: :error

  @doc """
  One number as the bytes of an element (little-endian), or `:error` when it does not fit.

      iex> AMDGPU.DType.encode(:i16, -2)
      {:ok, <<254, 255>>}
      iex> AMDGPU.DType.encode(:bf16, 1.0)
      {:ok, <<128, 63>>}
      iex> AMDGPU.DType.encode(:u8, 256)
      :error
  """
  @spec encode(t(), number() | boolean() | :infinity | :neg_infinity | :nan) ::
          {:ok, binary()} | :error
  def encode(:bool, value) when value in [false, 0], do: {:ok, <<0>>}
  def encode(:bool, value) when value in [true, 1], do: {:ok, <<1>>}

  for {type, bits, low, high} <- [
        {:i8, 8, -0x80, 0x7F},
        {:u8, 8, 0, 0xFF},
        {:i16, 16, -0x8000, 0x7FFF},
        {:u16, 16, 0, 0xFFFF},
        {:i32, 32, -0x80000000, 0x7FFFFFFF},
        {:u32, 32, 0, 0xFFFFFFFF},
        {:i64, 64, -0x8000000000000000, 0x7FFFFFFFFFFFFFFF},
        {:u64, 64, 0, 0xFFFFFFFFFFFFFFFF}
      ] do
    def encode(unquote(type), value)
        when is_integer(value) and value >= unquote(low) and value <= unquote(high),
        do: {:ok, <<value::integer-little-size(unquote(bits))>>}
  end

  def encode(:bf16, value) do
    # Truncating would round towards zero; half of the last place rounds to nearest.
    case encode(:f32, value) do
      {:ok, <<bits::32-little>>} when value not in [:infinity, :neg_infinity, :nan] ->
        {:ok,
         <<Bitwise.bsr(bits + 0x7FFF + Bitwise.band(Bitwise.bsr(bits, 16), 1), 16)::16-little>>}

      {:ok, <<_low::16, high::binary-2>>} ->
        {:ok, high}

      :error ->
        :error
    end
  end

  def encode(:f16, :infinity), do: {:ok, <<0x7C00::16-little>>}
  def encode(:f16, :neg_infinity), do: {:ok, <<0xFC00::16-little>>}
  def encode(:f16, :nan), do: {:ok, <<0x7E00::16-little>>}
  def encode(:f32, :infinity), do: {:ok, <<0x7F800000::32-little>>}
  def encode(:f32, :neg_infinity), do: {:ok, <<0xFF800000::32-little>>}
  def encode(:f32, :nan), do: {:ok, <<0x7FC00000::32-little>>}
  def encode(:f64, :infinity), do: {:ok, <<0x7FF0000000000000::64-little>>}
  def encode(:f64, :neg_infinity), do: {:ok, <<0xFFF0000000000000::64-little>>}
  def encode(:f64, :nan), do: {:ok, <<0x7FF8000000000000::64-little>>}

  for {type, bits} <- [f16: 16, f32: 32, f64: 64] do
    def encode(unquote(type), value) when is_number(value) do
      bytes = <<value::float-little-size(unquote(bits))>>
      if infinite?(unquote(type), bytes), do: :error, else: {:ok, bytes}
    rescue
      # An integer that no float can hold.
      ArgumentError -> :error
    end
  end

  def encode(_, _), do: :error

  # What is too large for the type became infinite.
  defp infinite?(type, bytes),
    do: {:ok, bytes} in [encode(type, :infinity), encode(type, :neg_infinity)]
end
