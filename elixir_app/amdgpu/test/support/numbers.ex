defmodule AMDGPU.Numbers do
  @moduledoc "Buffers as lists of numbers of any type, and comparing them with what was expected."
  import ExUnit.Assertions
  alias AMDGPU.{Buffer, DType}

  @doc "A buffer of a list's numbers; `:nan`, `:infinity` and `:neg_infinity` among them."
  def buffer(device, dtype, list) do
    bytes =
      for x <- list, into: <<>> do
        {:ok, bytes} = DType.encode(dtype, x)
        bytes
      end

    Buffer.from_binary!(device, dtype, bytes)
  end

  @doc "The numbers in a buffer."
  def list(%Buffer{} = buffer), do: decode(buffer.dtype, Buffer.to_binary!(buffer))

  @doc "What is left of a number once it is stored as an element."
  def stored(dtype, x) do
    {:ok, bytes} = DType.encode(dtype, x)
    [x] = decode(dtype, bytes)
    x
  end

  def decode(:f32, bytes), do: for(<<b::binary-4 <- bytes>>, do: float(b, 32, 8, 23))
  def decode(:f64, bytes), do: for(<<b::binary-8 <- bytes>>, do: float(b, 64, 11, 52))
  def decode(:f16, bytes), do: for(<<b::binary-2 <- bytes>>, do: float(b, 16, 5, 10))

  def decode(:bf16, bytes),
    do: for(<<b::binary-2 <- bytes>>, do: float(<<0::16, b::binary>>, 32, 8, 23))

  def decode(:bool, bytes), do: for(<<b <- bytes>>, do: b == 1)

  for {type, bits, sign} <- [
        {:i8, 8, :signed},
        {:i16, 16, :signed},
        {:i32, 32, :signed},
        {:i64, 64, :signed},
        {:u8, 8, :unsigned},
        {:u16, 16, :unsigned},
        {:u32, 32, :unsigned},
        {:u64, 64, :unsigned}
      ] do
    def decode(unquote(type), bytes),
      do: for(<<x::little-unquote(sign)()-size(unquote(bits)) <- bytes>>, do: x)
  end

  defp float(bytes, bits, exponent, mantissa) do
    <<n::little-size(bits)>> = bytes
    <<sign::1, e::size(exponent), m::size(mantissa)>> = <<n::size(bits)>>
    top = Bitwise.bsl(1, exponent) - 1

    case {e, m, sign} do
      {^top, 0, 0} -> :infinity
      {^top, 0, 1} -> :neg_infinity
      {^top, _, _} -> :nan
      _ -> with(<<x::float-little-size(bits)>> <- bytes, do: x)
    end
  end

  @doc "Fails unless each number is within `relative` of what was expected, or within `absolute`."
  def assert_close(got, expected, relative, absolute \\ 0.0) do
    assert length(got) == length(expected)

    Enum.zip(got, expected)
    |> Enum.with_index()
    |> Enum.each(fn {{x, y}, i} ->
      unless close?(x, y, relative, absolute),
        do: flunk("element #{i}: expected #{inspect(y)}, got #{inspect(x)}")
    end)
  end

  defp close?(x, y, relative, absolute) when is_number(x) and is_number(y),
    do: abs(x - y) <= max(absolute, relative * abs(y))

  defp close?(x, y, _relative, _absolute), do: x == y

  @doc "Numbers that look random and are the same in every run, between -1 and 1."
  def noise(count, seed \\ 1) do
    {list, _} =
      Enum.map_reduce(1..count//1, seed * 7919 + 12_345, fn _, state ->
        state = rem(state * 1_103_515_245 + 12_345, 0x80000000)
        {state / 0x40000000 - 1.0, state}
      end)

    list
  end

  @doc "How far a result may be from what exact arithmetic gives: a few units in the last place."
  def tolerance(:f64), do: 1.0e-13
  def tolerance(:f32), do: 2.0e-6
  def tolerance(:f16), do: 2.0e-3
  def tolerance(:bf16), do: 1.6e-2
end
