defmodule AMDGPU.Math.ElementwiseTest do
  # copy.hip, map.hip, saxpy.hip, neuromorphic.hip against Elixir's own arithmetic.
  use AMDGPU.DeviceCase, async: true
  import AMDGPU.Numbers
  alias AMDGPU.{Buffer, Error, Math}

  @floats [:f16, :bf16, :f32, :f64]
  @sizes [0, 1, 255, 256, 257, 5003]

  describe "add, subtract, multiply, divide" do
    test "of floats of every type and size", %{device: device} do
      for dtype <- @floats, n <- @sizes do
        a = Enum.map(noise(n, 1), &stored(dtype, &1))
        b = Enum.map(noise(n, 2), &stored(dtype, &1 + 2.5))
        x = buffer(device, dtype, a)
        y = buffer(device, dtype, b)
        tolerance = tolerance(dtype)

        for {name, fun} <- [add: &+/2, subtract: &-/2, multiply: &*/2, divide: &//2] do
          {:ok, out} = apply(Math, name, [x, y])
          assert out.dtype == dtype
          assert_close(list(out), Enum.zip_with(a, b, fun), tolerance, tolerance)
        end

        assert_close(list(Math.add!(x, 2.5)), Enum.map(a, &(&1 + 2.5)), tolerance, tolerance)
      end
    end

    test "of integers wrap and never trap", %{device: device} do
      x = buffer(device, :i32, [2_147_483_647, -2_147_483_648, 7, -7, 5])
      y = buffer(device, :i32, [1, -1, 2, 2, 0])
      assert list(Math.add!(x, y)) == [-2_147_483_648, 2_147_483_647, 9, -5, 5]
      assert list(Math.divide!(x, y)) == [2_147_483_647, -2_147_483_648, 3, -3, 0]
      assert list(Math.divide!(x, 0)) == [0, 0, 0, 0, 0]
      bytes = buffer(device, :u8, [250, 0, 3])
      assert list(Math.add!(bytes, 10)) == [4, 10, 13]
      assert list(Math.subtract!(bytes, 1)) == [249, 255, 2]
      small = buffer(device, :i8, [-128, 127])
      assert list(Math.divide!(small, -1)) == [-128, -127]
      wide = buffer(device, :u64, [18_446_744_073_709_551_615])
      assert list(Math.multiply!(wide, wide)) == [1]
    end

    test "pass on NaN and infinity", %{device: device} do
      for dtype <- @floats do
        x = buffer(device, dtype, [:nan, :infinity, :neg_infinity, 1.0])
        assert list(Math.add!(x, 1.0)) == [:nan, :infinity, :neg_infinity, 2.0]
        assert list(Math.divide!(x, :infinity)) == [:nan, :nan, :nan, 0.0]
        assert list(Math.maximum!(x, 0.5)) == [:nan, :infinity, 0.5, 1.0]
        assert list(Math.minimum!(x, 0.5)) == [:nan, 0.5, :neg_infinity, 0.5]
        y = buffer(device, dtype, [1.0, 1.0, 1.0, :nan])
        assert list(Math.maximum!(x, y)) == [:nan, :infinity, 1.0, :nan]
      end
    end

    test "write where they are told to", %{device: device} do
      x = buffer(device, :f32, [1.0, 2.0])
      out = Buffer.new!(device, :f32, 2)
      assert {:ok, ^out} = Math.add(x, 1.0, out: out)
      assert list(out) == [2.0, 3.0]
      assert {:ok, ^x} = Math.multiply(x, x, out: x)
      assert list(x) == [1.0, 4.0]
    end

    test "in a stream, not awaited, in order", %{device: device} do
      stream = AMDGPU.Stream.new!(device)
      x = buffer(device, :f64, List.duplicate(1.0, 10_000))

      for _ <- 1..20,
          do: {:ok, ^x} = Math.multiply(x, 2.0, out: x, stream: stream, await: false)

      :ok = AMDGPU.Stream.synchronize(stream)
      assert Enum.uniq(list(x)) == [1_048_576.0]
    end
  end

  describe "map/3" do
    test "of the named functions", %{device: device} do
      a = Enum.map(noise(1000), &stored(:f32, abs(&1) + 0.1))

      functions = [
        negate: &(-&1),
        abs: &abs/1,
        square: &(&1 * &1),
        reciprocal: &(1 / &1),
        sqrt: &:math.sqrt/1,
        rsqrt: &(1 / :math.sqrt(&1)),
        exp: &:math.exp/1,
        expm1: &(:math.exp(&1) - 1),
        log: &:math.log/1,
        log1p: &:math.log(1 + &1),
        log2: &:math.log2/1,
        sin: &:math.sin/1,
        cos: &:math.cos/1,
        tanh: &:math.tanh/1,
        erf: &:math.erf/1,
        floor: &:math.floor/1,
        ceil: &:math.ceil/1,
        sigmoid: &(1 / (1 + :math.exp(-&1))),
        relu: &max(&1, 0),
        gelu: &(&1 / 2 * (1 + :math.erf(&1 / :math.sqrt(2))))
      ]

      for {dtype, tolerance} <- [f32: 2.0e-6, f64: 1.0e-14] do
        x = buffer(device, dtype, a)

        for {name, fun} <- functions do
          assert_close(list(Math.map!(x, name)), Enum.map(a, fun), tolerance, tolerance)
        end

        assert_close(
          list(Math.map!({x, 1.5}, :power)),
          Enum.map(a, &:math.pow(&1, 1.5)),
          tolerance * 2
        )
      end

      named = Keyword.keys(functions)
      binary = [:add, :subtract, :multiply, :divide, :maximum, :minimum, :power]
      assert Math.operations() -- (named ++ binary) == []
    end

    test "of integers", %{device: device} do
      x = buffer(device, :i16, [-5, 0, 7])
      assert list(Math.map!(x, :abs)) == [5, 0, 7]
      assert list(Math.map!(x, :relu)) == [0, 0, 7]
      assert list(Math.map!(x, :square)) == [25, 0, 49]
      assert list(Math.map!(x, "x % 4")) == [-1, 0, 3]
      assert {:error, %Error{message: message}} = Math.map(x, :exp)
      assert message =~ "for floats"
    end

    test "of an expression that does not compile gives its diagnostics", %{device: device} do
      x = buffer(device, :f32, [1.0])

      assert {:error, %AMDGPU.CompileError{diagnostics: [_ | _]} = error} =
               Math.map(x, "x + nothing_like_that")

      assert Exception.message(error) =~ "nothing_like_that"
    end
  end

  test "copy/2 and fill/3 take every type", %{device: device} do
    for dtype <- AMDGPU.DType.all() do
      value = if dtype == :bool, do: true, else: 3
      x = Buffer.zeros!(device, dtype, 1000)
      assert {:ok, ^x} = Math.fill(x, value)
      {:ok, y} = Math.copy(x)
      assert y.ref != x.ref
      assert Enum.uniq(list(y)) == [stored(dtype, value)]
      assert Buffer.to_binary!(y) == Buffer.to_binary!(x)
    end

    assert list(Math.fill!(Buffer.zeros!(device, :bool, 3), true)) == [true, true, true]
  end

  test "saxpy/4", %{device: device} do
    for dtype <- @floats, n <- @sizes do
      a = Enum.map(noise(n, 3), &stored(dtype, &1))
      b = Enum.map(noise(n, 4), &stored(dtype, &1))
      x = buffer(device, dtype, a)
      y = buffer(device, dtype, b)
      assert {:ok, ^y} = Math.saxpy(1.5, x, y)
      expected = Enum.zip_with(a, b, &(1.5 * &1 + &2))
      assert_close(list(y), expected, tolerance(dtype), tolerance(dtype))
    end

    assert list(Math.saxpy!(3, buffer(device, :i32, [1, 2]), buffer(device, :i32, [5, 6]))) == [
             8,
             12
           ]
  end

  describe "the neuromorphic kernels" do
    test "neuromorphic_activation/2", %{device: device} do
      a = [0.0, -0.0, 1.0e-30, 5.0, -5.0, 40.0, -1.0e20] ++ Enum.map(noise(500), &(&1 * 4))

      for dtype <- [:f32, :f64, :bf16, :f16] do
        a = if dtype == :f16, do: Enum.filter(a, &(abs(&1) < 6.0e4)), else: a
        a = Enum.map(a, &stored(dtype, &1))
        {:ok, out} = Math.neuromorphic_activation(buffer(device, dtype, a), alpha: 1.2, beta: 0.3)

        expected =
          Enum.map(a, fn x ->
            bump = if abs(x) > 100, do: 0.0, else: x * :math.exp(-x * x)
            :math.tanh(1.2 * x) + 0.3 * bump
          end)

        assert_close(list(out), expected, 2 * tolerance(dtype), 2 * tolerance(dtype))
      end

      x = buffer(device, :f32, [:infinity, :neg_infinity, :nan])
      assert list(Math.neuromorphic_activation!(x)) == [1.0, -1.0, :nan]
    end

    test "adaptive_learning_rate/3", %{device: device} do
      for dtype <- [:f32, :f64], n <- [0, 1, 1000] do
        g = Enum.map(noise(n, 5), &stored(dtype, &1 * 3))
        m = Enum.map(noise(n, 6), &stored(dtype, &1))
        momentum = buffer(device, dtype, m)

        {:ok, result} =
          Math.adaptive_learning_rate(buffer(device, dtype, g), momentum,
            learning_rate: 0.1,
            decay: 0.8
          )

        assert result.momentum == momentum
        t = tolerance(dtype)
        expected = Enum.zip_with(m, g, &(0.8 * &1 + 0.2 * &2))
        assert_close(list(momentum), expected, t, t)
        assert_close(list(result.learning_rates), Enum.map(g, &(0.1 / (1 + abs(&1)))), t)
        assert list(result.gradient_norms) == Enum.map(g, &abs/1)
      end
    end

    test "are counted under their class", %{device: device} do
      {:ok, kernel} =
        AMDGPU.Library.kernel(
          device,
          "neuromorphic.hip",
          "neuromorphic_activation",
          [ELEMENT: "float"],
          core: :neuromorphic
        )

      assert AMDGPU.Kernel.info(kernel).core == :neuromorphic
    end
  end

  describe "arguments" do
    test "of the wrong type, size or device are errors that say so", %{device: device} do
      x = buffer(device, :f32, [1.0, 2.0])
      other = AMDGPU.open!(:host)
      there = buffer(other, :f32, [1.0, 2.0])

      for {result, part} <- [
            {Math.add(1.0, x), "x: expected a buffer"},
            {Math.add(x, buffer(device, :f32, [1.0])), "y: expected 2 elements"},
            {Math.add(x, buffer(device, :f64, [1.0, 2.0])), "y: expected a buffer of :f32"},
            {Math.add(x, there), "another device"},
            {Math.add(x, "one"), "not a number"},
            {Math.add(buffer(device, :i8, [1]), 1000), "1000 is not a number of :i8"},
            {Math.add(x, 1.0, out: there), "another device"},
            {Math.add(x, 1.0, out: buffer(device, :f32, [1.0])), "out: expected 2 elements"},
            {Math.add(x, 1.0, out: buffer(device, :i32, [1, 2])),
             "out: expected a buffer of :f32"},
            {Math.add(x, 1.0, speed: 3), "unknown option :speed"},
            {Math.map(x, :no_such), "unknown operation :no_such"},
            {Math.map(Buffer.zeros!(device, :bool, 2), :negate), "expected a buffer of one of"},
            {Math.saxpy(1.0, x, x, out: x), "option :out"}
          ] do
        assert {:error, %Error{message: message}} = result
        assert message =~ part
      end

      assert_raise Error, ~r/y: expected 2 elements/, fn ->
        Math.add!(x, buffer(device, :f32, [1.0]))
      end

      AMDGPU.close(other)
    end

    test "that were freed are refused", %{device: device} do
      x = buffer(device, :f32, [1.0])
      :ok = Buffer.free(x)
      assert {:error, %AMDGPU.LaunchError{}} = Math.add(x, 1.0)
    end
  end
end
