defmodule AMDGPU.DTypeTest do
  use ExUnit.Case, async: true
  alias AMDGPU.DType

  doctest DType

  test "every type has the size of its encoding" do
    for dtype <- DType.all() do
      {:ok, size} = DType.size(dtype)
      assert {:ok, bytes} = DType.encode(dtype, 1)
      assert byte_size(bytes) == size
    end
  end

  test "integers at the ends of their range fit, beyond do not" do
    for {dtype, bits} <- [i8: 8, i16: 16, i32: 32, i64: 64] do
      limit = Integer.pow(2, bits - 1)
      assert {:ok, _} = DType.encode(dtype, limit - 1)
      assert {:ok, _} = DType.encode(dtype, -limit)
      assert :error = DType.encode(dtype, limit)
      assert :error = DType.encode(dtype, -limit - 1)
    end

    for {dtype, bits} <- [u8: 8, u16: 16, u32: 32, u64: 64] do
      assert {:ok, _} = DType.encode(dtype, Integer.pow(2, bits) - 1)
      assert :error = DType.encode(dtype, Integer.pow(2, bits))
      assert :error = DType.encode(dtype, -1)
    end
  end

  test "bf16 rounds to nearest, ties to even" do
    # 1 + 2^-8 lies half way between 1 and 1 + 2^-7; 1 + 3 * 2^-8 between that and 1 + 2^-6.
    assert {:ok, <<0x3F80::16-little>>} = DType.encode(:bf16, 1.0 + 1 / 256)
    assert {:ok, <<0x3F82::16-little>>} = DType.encode(:bf16, 1.0 + 3 / 256)
    assert {:ok, <<0x3F81::16-little>>} = DType.encode(:bf16, 1.0 + 1.1 / 256)
    assert {:ok, <<0xBF80::16-little>>} = DType.encode(:bf16, -1.0)
  end

  test "floats have infinities and no number where there is none" do
    assert {:ok, <<0x7C00::16-little>>} = DType.encode(:f16, :infinity)
    assert {:ok, <<0xFF80::16-little>>} = DType.encode(:bf16, :neg_infinity)
    assert {:ok, <<_, _, 0xC0, 0x7F>>} = DType.encode(:f32, :nan)
    assert :error = DType.encode(:i32, :nan)
    assert :error = DType.encode(:i32, 1.5)
    assert :error = DType.encode(:f32, 1.0e300)
    assert :error = DType.encode(:f32, :other)
    assert :error = DType.encode(:bool, 2)
  end
end
