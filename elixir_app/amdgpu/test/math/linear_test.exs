defmodule AMDGPU.Math.LinearTest do
  # transpose.hip, matmul.hip, conv2d.hip against the definitions.
  use AMDGPU.DeviceCase, async: true
  import AMDGPU.Numbers
  alias AMDGPU.{Blas, Buffer, Error, Math}

  defp matrix(list, columns),
    do: list |> Enum.chunk_every(columns) |> Enum.map(&List.to_tuple/1) |> List.to_tuple()

  defp at(matrix, row, column), do: matrix |> elem(row) |> elem(column)

  defp flip(list, rows, columns) do
    m = matrix(list, columns)
    for c <- 0..(columns - 1)//1, r <- 0..(rows - 1)//1, do: at(m, r, c)
  end

  defp product(a, b, {m, k, n}) do
    a = matrix(a, k)
    b = matrix(b, n)

    for i <- 0..(m - 1)//1, j <- 0..(n - 1)//1 do
      Enum.reduce(0..(k - 1)//1, 0.0, &(&2 + at(a, i, &1) * at(b, &1, j)))
    end
  end

  describe "transpose/3" do
    test "of matrices of every size and type", %{device: device} do
      for {r, c} <- [{1, 1}, {1, 70}, {70, 1}, {31, 33}, {32, 32}, {64, 96}, {65, 100}] do
        a = Enum.to_list(1..(r * c))

        for dtype <- [:i32, :f64, :u16],
            do:
              assert(
                list(Math.transpose!(buffer(device, dtype, a), {r, c})) ==
                  Enum.map(flip(a, r, c), &stored(dtype, &1))
              )
      end

      bytes = Enum.map(1..(40 * 50), &rem(&1, 251))
      assert list(Math.transpose!(buffer(device, :u8, bytes), {40, 50})) == flip(bytes, 40, 50)
      halves = Enum.map(1..6, &(&1 * 1.0))

      for dtype <- [:f16, :bf16],
          do:
            assert(
              list(Math.transpose!(buffer(device, dtype, halves), {2, 3})) == flip(halves, 2, 3)
            )
    end

    test "of a batch, of nothing, and not in place", %{device: device} do
      a = Enum.to_list(1..(3 * 40 * 35))
      x = buffer(device, :i64, a)
      expected = a |> Enum.chunk_every(40 * 35) |> Enum.flat_map(&flip(&1, 40, 35))
      assert list(Math.transpose!(x, {3, 40, 35})) == expected
      assert list(Math.transpose!(Buffer.new!(device, :i64, 0), {0, 35})) == []
      assert {:error, %Error{message: message}} = Math.transpose(x, {120, 35}, out: x)
      assert message =~ "in place"
      assert {:error, %Error{}} = Math.transpose(x, {3, 3})
      assert {:error, %Error{}} = Math.transpose(x, {4200})
    end
  end

  describe "matmul/4" do
    test "of every type, size and orientation", %{device: device} do
      for {dtype, t} <- [f32: 2.0e-6, f64: 1.0e-14, f16: 1.0e-3, bf16: 8.0e-3],
          {m, k, n} = shape <- [{1, 1, 1}, {1, 70, 1}, {33, 1, 31}, {32, 32, 32}, {65, 47, 34}],
          {ta, tb} <- [{false, false}, {true, false}, {false, true}, {true, true}] do
        a = Enum.map(noise(m * k, 21), &stored(dtype, &1))
        b = Enum.map(noise(k * n, 22), &stored(dtype, &1))
        x = buffer(device, dtype, if(ta, do: flip(a, m, k), else: a))
        y = buffer(device, dtype, if(tb, do: flip(b, k, n), else: b))
        {:ok, c} = Math.matmul(x, y, shape, transpose_a: ta, transpose_b: tb)
        # Sums of k products below 1, rounded to the type at the end.
        assert_close(list(c), product(a, b, shape), t, t * :math.sqrt(k))
      end
    end

    test "of a batch, and with sizes of 0", %{device: device} do
      {m, k, n} = {5, 40, 37}
      a = Enum.map(noise(3 * m * k, 23), &stored(:f32, &1))
      b = Enum.map(noise(3 * k * n, 24), &stored(:f32, &1))
      c = Math.matmul!(buffer(device, :f32, a), buffer(device, :f32, b), {3, m, k, n})

      expected =
        Enum.zip_with(
          Enum.chunk_every(a, m * k),
          Enum.chunk_every(b, k * n),
          &product(&1, &2, {m, k, n})
        )

      assert_close(list(c), List.flatten(expected), 1.0e-5, 1.0e-5)
      none = Buffer.new!(device, :f32, 0)
      assert list(Math.matmul!(none, none, {2, 0, 3})) == List.duplicate(0.0, 6)
      assert list(Math.matmul!(none, buffer(device, :f32, a), {0, m * k, 3})) == []
    end

    test "of the wrong sizes is an error", %{device: device} do
      x = buffer(device, :f32, [1.0, 2.0])
      assert {:error, %Error{message: message}} = Math.matmul(x, x, {2, 2, 1})
      assert message =~ "a: expected 4 elements"

      assert {:error, %Error{message: message}} =
               Math.matmul(x, buffer(device, :f64, [1.0]), {2, 1, 1})

      assert message =~ "b: expected a buffer of :f32"
      assert {:error, %Error{}} = Math.matmul(x, x, {1, 2})
      assert {:error, %Error{}} = Math.matmul(buffer(device, :i32, [1]), x, {1, 1, 2})
    end
  end

  describe "Blas.gemm/5" do
    test "with alpha and beta, in place of c", %{device: device} do
      {m, k, n} = shape = {20, 50, 33}

      for {dtype, t} <- [f32: 1.0e-5, f64: 1.0e-13, f16: 4.0e-3] do
        [a, b, c] =
          for {size, seed} <- [{m * k, 25}, {k * n, 26}, {m * n, 27}],
              do: Enum.map(noise(size, seed), &stored(dtype, &1))

        [x, y, z] = for list <- [a, b, c], do: buffer(device, dtype, list)
        assert {:ok, ^z} = Blas.gemm(x, y, z, shape, alpha: 0.5, beta: -2.0)
        expected = Enum.zip_with(product(a, b, shape), c, &(0.5 * &1 - 2 * &2))
        assert_close(list(z), expected, t, t * 8)
      end
    end

    test "with a beta of 0 does not read c", %{device: device} do
      x = buffer(device, :f32, [2.0])
      z = buffer(device, :f32, [:nan])
      assert list(Blas.gemm!(x, x, z, {1, 1, 1})) == [4.0]
      assert {:error, %Error{message: message}} = Blas.gemm(x, x, x, {1, 1, 1})
      assert message =~ "in place"
    end
  end

  describe "the vendor's library" do
    test "may be left aside, and is none of the host's", %{device: device} do
      x = buffer(device, :f32, [2.0])
      z = buffer(device, :f32, [0.0])
      assert list(Blas.gemm!(x, x, z, {1, 1, 1}, library: false)) == [4.0]
      assert {:error, %Error{message: message}} = Blas.gemm(x, x, z, {1, 1, 1}, library: :mine)
      assert message =~ "library: expected true or false"

      if device.properties.kind == :host do
        assert {:error, %Error{code: :not_found}} = Blas.library(device)
      end
    end

    # On a GPU that has one this compares the two of them.
    test "and the runtime's kernel agree", %{device: device} do
      {m, k, n} = {37, 50, 65}
      [a, b] = for {size, seed} <- [{3 * m * k, 31}, {3 * k * n, 32}], do: noise(size, seed)

      for {dtype, t} <- [f32: 1.0e-5, f64: 1.0e-13, f16: 4.0e-3, bf16: 3.0e-2],
          flags <- [[], [transpose_a: true], [transpose_b: true]] do
        [x, y] = for list <- [a, b], do: buffer(device, dtype, list)

        [one, other] =
          for library <- [true, false] do
            z = buffer(device, dtype, List.duplicate(0.0, 3 * m * n))
            list(Blas.gemm!(x, y, z, {3, m, k, n}, [library: library] ++ flags))
          end

        assert_close(one, other, t, t * 8)
      end
    end
  end

  describe "conv2d/3" do
    # The definition, element by element.
    defp convolve(x, w, [images, channels, height, width], [filters, depth, rows, columns], o) do
      x = List.to_tuple(x)
      w = List.to_tuple(w)
      out_height = div(height + 2 * o.pad - o.dilation * (rows - 1) - 1, o.stride) + 1
      out_width = div(width + 2 * o.pad - o.dilation * (columns - 1) - 1, o.stride) + 1
      group = div(filters, o.groups)

      for i <- 0..(images - 1),
          f <- 0..(filters - 1),
          y <- 0..(out_height - 1),
          v <- 0..(out_width - 1) do
        for d <- 0..(depth - 1),
            r <- 0..(rows - 1),
            c <- 0..(columns - 1),
            sy = y * o.stride - o.pad + r * o.dilation,
            sx = v * o.stride - o.pad + c * o.dilation,
            sy in 0..(height - 1),
            sx in 0..(width - 1),
            reduce: 0.0 do
          sum ->
            channel = div(f, group) * depth + d

            sum +
              elem(x, ((i * channels + channel) * height + sy) * width + sx) *
                elem(w, ((f * depth + d) * rows + r) * columns + c)
        end
      end
    end

    test "with every option", %{device: device} do
      plain = %{stride: 1, pad: 0, dilation: 1, groups: 1}

      cases = [
        {[1, 1, 1, 1], [1, 1, 1, 1], plain},
        {[1, 1, 5, 7], [1, 1, 3, 3], plain},
        {[2, 3, 9, 40], [4, 3, 3, 5], %{plain | pad: 2}},
        {[1, 4, 12, 11], [6, 2, 3, 3], %{plain | groups: 2, stride: 2, pad: 1}},
        {[1, 2, 13, 13], [2, 2, 3, 3], %{plain | dilation: 3}},
        # Blocks that lie inside with all their windows, beside those that do not.
        {[1, 2, 30, 100], [2, 2, 3, 3], %{plain | pad: 1}},
        # Windows too wide for shared memory.
        {[1, 1, 90, 120], [1, 1, 3, 3], %{plain | dilation: 40, pad: 10}}
      ]

      for {input, filter, o} <- cases, dtype <- [:f32, :f64] do
        a = Enum.map(noise(Enum.product(input), 31), &stored(dtype, &1))
        w = Enum.map(noise(Enum.product(filter), 32), &stored(dtype, &1))

        options = [
          input: List.to_tuple(input),
          filter: List.to_tuple(filter),
          stride: o.stride,
          padding: o.pad,
          dilation: o.dilation,
          groups: o.groups
        ]

        {:ok, out} = Math.conv2d(buffer(device, dtype, a), buffer(device, dtype, w), options)
        assert_close(list(out), convolve(a, w, input, filter, o), 1.0e-5, 1.0e-5)
      end
    end

    test "adds a bias", %{device: device} do
      x = buffer(device, :f32, [1.0, 2.0])
      w = buffer(device, :f32, [10.0, 100.0])
      bias = buffer(device, :f32, [0.5, 0.25])
      options = [input: {1, 1, 1, 2}, filter: {2, 1, 1, 1}, bias: bias]
      assert list(Math.conv2d!(x, w, options)) == [10.5, 20.5, 100.25, 200.25]
    end

    test "of shapes that do not fit is an error", %{device: device} do
      x = buffer(device, :f32, [1.0, 2.0])

      for {options, part} <- [
            {[], "input:"},
            {[input: {1, 2, 1, 1}, filter: {1, 1, 1, 2}], "channels"},
            {[input: {1, 1, 1, 2}, filter: {1, 1, 2, 1}], "does not fit"},
            {[input: {1, 2, 1, 1}, filter: {1, 1, 1, 2}, groups: 2], "do not divide"},
            {[input: {1, 1, 2, 2}, filter: {1, 1, 1, 2}], "input: expected 4 elements"},
            {[input: {1, 1, 1, 2}, filter: {1, 1, 1, 2}, stride: 0], "stride"}
          ] do
        assert {:error, %Error{message: message}} = Math.conv2d(x, x, options)
        assert message =~ part
      end
    end
  end
end
