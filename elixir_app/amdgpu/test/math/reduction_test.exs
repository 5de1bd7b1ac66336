defmodule AMDGPU.Math.ReductionTest do
  # reduce.hip, scan.hip, softmax.hip, histogram.hip against plain lists.
  use AMDGPU.DeviceCase, async: true
  import AMDGPU.Numbers
  alias AMDGPU.{Buffer, Error, Math}

  @integers [:i8, :u8, :i16, :u16, :i32, :u32, :i64, :u64]
  @sizes [1, 2, 255, 256, 257, 2048, 2049, 100_003]

  defp integers(dtype, n) do
    scale = if dtype in [:i8, :u8], do: 100, else: 10_000

    Enum.map(noise(n, 8), fn x ->
      x = trunc(x * scale)
      if dtype in [:u8, :u16, :u32, :u64], do: abs(x), else: x
    end)
  end

  # The sizes of the dimensions before and behind an axis, and the columns along it.
  defp columns(list, shape, axis) do
    {before, [size | behind]} = Enum.split(shape, axis)
    inner = Enum.product(behind)
    array = List.to_tuple(list)

    for o <- 0..(Enum.product(before) - 1)//1, i <- 0..(inner - 1)//1 do
      for k <- 0..(size - 1)//1, do: elem(array, (o * size + k) * inner + i)
    end
  end

  describe "of a whole buffer" do
    test "sum of floats", %{device: device} do
      for dtype <- [:f32, :f64, :f16, :bf16], n <- [0 | @sizes] do
        a = Enum.map(noise(n), &stored(dtype, &1))
        {:ok, out} = Math.sum(buffer(device, dtype, a))
        assert {out.dtype, out.elements} == {dtype, 1}
        # Of n numbers of size 1, in float: the error grows like the square root of n at worst.
        absolute = if dtype == :f64, do: 1.0e-11, else: 1.0e-6 * :math.sqrt(n + 1)
        assert_close(list(out), [Enum.sum(a) * 1.0], tolerance(dtype), absolute)
      end
    end

    test "sum of integers is 64 bits wide", %{device: device} do
      for dtype <- @integers, n <- [0, 1, 1000] do
        a = integers(dtype, n)
        {:ok, out} = Math.sum(buffer(device, dtype, a))
        assert out.dtype == if(dtype in [:u8, :u16, :u32, :u64], do: :u64, else: :i64)
        assert list(out) == [Enum.sum(a)]
      end

      x = Buffer.new!(device, :u8, 20_000_000)
      Buffer.fill!(x, 255)
      assert list(Math.sum!(x)) == [5_100_000_000]
    end

    test "max, min, argmax, argmin", %{device: device} do
      for dtype <- [:f32, :f64, :f16, :bf16 | @integers], n <- @sizes do
        a =
          if dtype in @integers,
            do: integers(dtype, n),
            else: Enum.map(noise(n, 9), &stored(dtype, &1))

        x = buffer(device, dtype, a)
        {least, most} = Enum.min_max(a)
        assert list(Math.max!(x)) == [most]
        assert list(Math.min!(x)) == [least]
        # Of equal elements the first: there are many among n bytes.
        assert list(Math.argmax!(x)) == [Enum.find_index(a, &(&1 == most))]
        assert list(Math.argmin!(x)) == [Enum.find_index(a, &(&1 == least))]
      end
    end

    test "a NaN wins, infinities count", %{device: device} do
      for n <- [3, 5000] do
        a = List.duplicate(1.0, n)
        x = buffer(device, :f32, List.replace_at(a, n - 2, :nan))
        assert list(Math.max!(x)) == [:nan]
        assert list(Math.min!(x)) == [:nan]
        assert list(Math.argmax!(x)) == [n - 2]
        assert list(Math.argmin!(x)) == [n - 2]
        assert list(Math.sum!(x)) == [:nan]
        x = buffer(device, :f32, List.replace_at(a, n - 1, :neg_infinity))
        assert list(Math.argmin!(x)) == [n - 1]
        assert list(Math.min!(x)) == [:neg_infinity]

        assert list(Math.max!(buffer(device, :f32, List.duplicate(:neg_infinity, n)))) == [
                 :neg_infinity
               ]

        assert list(Math.argmax!(buffer(device, :f32, List.duplicate(:neg_infinity, n)))) == [0]
      end
    end

    test "of nothing has a sum and no maximum", %{device: device} do
      x = Buffer.new!(device, :f32, 0)
      assert list(Math.sum!(x)) == [0.0]
      assert {:error, %Error{message: message}} = Math.max(x)
      assert message =~ "no max"
    end
  end

  describe "along an axis" do
    test "is the reduction of each column", %{device: device} do
      shapes = [
        {7},
        {3, 5},
        {1, 300},
        {4, 64},
        {2, 3, 4},
        {5, 1, 70},
        {2, 100, 3},
        {2, 3, 300},
        {1, 1, 1}
      ]

      for shape <- shapes, axis <- 0..(tuple_size(shape) - 1) do
        sizes = Tuple.to_list(shape)
        a = Enum.map(noise(Enum.product(sizes), 11), &stored(:f32, Float.round(&1, 1)))
        x = buffer(device, :f32, a)
        columns = columns(a, sizes, axis)
        options = [shape: shape, axis: axis]
        assert_close(list(Math.sum!(x, options)), Enum.map(columns, &Enum.sum/1), 1.0e-5, 1.0e-5)
        assert list(Math.max!(x, options)) == Enum.map(columns, &Enum.max/1)

        assert list(Math.argmin!(x, options)) ==
                 Enum.map(columns, fn c -> Enum.find_index(c, &(&1 == Enum.min(c))) end)

        negative = axis - tuple_size(shape)
        assert list(Math.max!(x, shape: shape, axis: negative)) == Enum.map(columns, &Enum.max/1)
      end
    end

    test "of other types, and of nothing", %{device: device} do
      a = integers(:i8, 6)
      x = buffer(device, :i8, a)
      sum = Math.sum!(x, shape: {2, 3}, axis: 1)
      assert {sum.dtype, list(sum)} == {:i64, Enum.map(Enum.chunk_every(a, 3), &Enum.sum/1)}
      none = Buffer.new!(device, :i8, 0)
      assert list(Math.sum!(none, shape: {2, 0}, axis: 1)) == [0, 0]
      assert list(Math.max!(none, shape: {0, 2}, axis: 1)) == []
      assert {:error, %Error{}} = Math.max(none, shape: {2, 0}, axis: 1)
    end

    test "that is not there is an error", %{device: device} do
      x = buffer(device, :f32, [1.0, 2.0])
      assert {:error, %Error{message: message}} = Math.sum(x, shape: {2}, axis: 1)
      assert message =~ "axis"
      assert {:error, %Error{message: message}} = Math.sum(x, shape: {3}, axis: 0)
      assert message =~ "expected 3 elements"
      assert {:error, %Error{}} = Math.sum(x, shape: {-2}, axis: 0)
    end
  end

  describe "scan/2" do
    test "of integers, over all levels of tiles", %{device: device} do
      # 2048 elements are a tile, 2048 tiles the next one.
      for n <- [0, 1, 2047, 2048, 2049, 300_001] do
        a = integers(:i32, n)
        sums = Enum.scan(a, &+/2)
        x = buffer(device, :i32, a)
        {:ok, out} = Math.scan(x)
        assert out.dtype == :i64
        assert list(out) == sums
        assert list(Math.scan!(x, exclusive: true)) == Enum.take([0 | sums], n)
      end

      n = 5_000_000
      ones = Buffer.new!(device, :u8, n)
      Buffer.fill!(ones, 1)
      out = Math.scan!(ones)
      assert Buffer.to_binary!(out) == for(i <- 1..n, into: <<>>, do: <<i::64-little>>)
    end

    test "of floats, in place too", %{device: device} do
      a = Enum.map(noise(10_000, 12), &stored(:f32, &1))
      x = buffer(device, :f32, a)
      assert {:ok, ^x} = Math.scan(x, out: x)
      assert_close(list(x), Enum.scan(a, &+/2), 1.0e-5, 1.0e-3)
      y = buffer(device, :f64, [1.0, :nan, 2.0])
      assert list(Math.scan!(y)) == [1.0, :nan, :nan]
    end
  end

  describe "softmax/3" do
    test "of rows of every length", %{device: device} do
      for {dtype, t} <- [f32: 3.0e-6, f64: 1.0e-13, f16: 2.0e-3],
          {r, c} <- [{1, 1}, {3, 5}, {2, 256}, {2, 1000}] do
        a = Enum.map(noise(r * c, 13), &stored(dtype, &1 * 10))
        x = buffer(device, dtype, a)

        expected =
          for row <- Enum.chunk_every(a, c) do
            sum = Enum.sum(Enum.map(row, &:math.exp/1))
            Enum.map(row, &(:math.exp(&1) / sum))
          end
          |> List.flatten()

        assert_close(list(Math.softmax!(x, {r, c})), expected, t, t)
        logarithms = Enum.map(expected, &:math.log/1)
        assert_close(list(Math.softmax!(x, {r, c}, log: true)), logarithms, t, t * 4)
      end
    end

    test "does not overflow, and passes on NaN", %{device: device} do
      x = buffer(device, :f32, [1.0e4, 1.0e4, -1.0e4, :nan, 1.0, 2.0])
      assert list(Math.softmax!(x, {2, 3})) == [0.5, 0.5, 0.0, :nan, :nan, :nan]
      assert {:error, %Error{}} = Math.softmax(x, {2, 2})
      assert {:error, %Error{}} = Math.softmax(buffer(device, :i32, [1]), {1, 1})
      assert list(Math.softmax!(Buffer.new!(device, :f32, 0), {0, 3})) == []
    end
  end

  describe "histogram/2" do
    test "of bytes", %{device: device} do
      for n <- [0, 1, 100_003] do
        a = Enum.map(noise(n, 14), &trunc(abs(&1) * 255))
        counts = Enum.frequencies(a)
        out = Math.histogram!(buffer(device, :u8, a))
        assert {out.dtype, list(out)} == {:u32, Enum.map(0..255, &Map.get(counts, &1, 0))}
      end
    end

    test "of floats in bins of equal width", %{device: device} do
      a = Enum.map(noise(10_000, 15), &(&1 * 2)) ++ [-1.0, 1.0, :nan, :infinity]
      a = Enum.map(a, &stored(:f32, &1))

      # 5000 bins do not fit into shared memory.
      for bins <- [1, 7, 5000] do
        expected =
          for x <- a, is_number(x) and x >= -1.0 and x <= 1.0 do
            min(trunc((x + 1.0) * (bins / 2.0)), bins - 1)
          end
          |> Enum.frequencies()

        out = Math.histogram!(buffer(device, :f32, a), bins: bins, range: {-1, 1})
        assert list(out) == Enum.map(0..(bins - 1), &Map.get(expected, &1, 0))
      end
    end

    test "needs a range", %{device: device} do
      x = buffer(device, :i32, [1, 2, 3])
      assert {:error, %Error{message: message}} = Math.histogram(x)
      assert message =~ "range"
      assert {:error, %Error{}} = Math.histogram(x, range: {2, 2})
      assert {:error, %Error{}} = Math.histogram(x, range: {0, 4}, bins: 0)
      assert list(Math.histogram!(x, range: {0, 4}, bins: 4)) == [0, 1, 1, 1]
    end
  end
end
