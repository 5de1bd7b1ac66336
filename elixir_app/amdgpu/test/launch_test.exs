defmodule AMDGPU.LaunchTest do
  use AMDGPU.DeviceCase, async: true
  alias AMDGPU.{Buffer, Launch, LaunchError}

  describe "run/3" do
    test "computes", %{device: device} do
      n = 1000
      {:ok, x} = Buffer.from_binary(device, :f32, pack(:f32, 0..(n - 1)))
      {:ok, y} = Buffer.from_binary(device, :f32, pack(:f32, List.duplicate(1.0, n)))

      assert {:ok, %Launch{}} =
               AMDGPU.run(kernel(device, :saxpy), [grid: 4, block: 256], [n, 2.0, x, y])

      assert numbers(y) == for(i <- 0..(n - 1), do: 2.0 * i + 1.0)
    end

    test "takes grids and blocks of one, two and three dimensions", %{device: device} do
      shape = kernel(device, :shape)

      for {grid, block, expected} <- [
            {3, 4, [3, 1, 1, 4, 1, 1, 12]},
            {{3, 2}, {4, 2}, [3, 2, 1, 4, 2, 1, 48]},
            {{2, 3, 4}, {5, 2, 3}, [2, 3, 4, 5, 2, 3, 24 * 30]}
          ] do
        {:ok, out} = Buffer.zeros(device, :i32, 7)
        AMDGPU.run!(shape, [grid: grid, block: block], [out])
        assert numbers(out) == expected
      end
    end

    test "gives dynamic shared memory", %{device: device} do
      {:ok, input} = Buffer.from_binary(device, :i32, pack(:i32, 1..64))
      {:ok, output} = Buffer.zeros(device, :i32, 64)
      AMDGPU.run!(kernel(device, :reverse), [grid: 1, block: 64, shared: 256], [input, output])
      assert numbers(output) == Enum.to_list(64..1)
    end

    test "passes every scalar type, the ends of their ranges included", %{device: device} do
      {:ok, out} = Buffer.zeros(device, :f64, 11)
      scalars = kernel(device, :scalars)

      low = [-128, 0, -32_768, 0, -2_147_483_648, 0, -9_007_199_254_740_992, 0, -1.5, 2.5, false]

      high =
        [127, 255, 32_767, 65_535, 2_147_483_647, 4_294_967_295, 9_007_199_254_740_992] ++
          [18_446_744_073_709_551_615, 0.5, 1.0e300, true]

      for arguments <- [low, high] do
        AMDGPU.run!(scalars, [grid: 1, block: 1], arguments ++ [out])
        values = for <<v::float-64-little <- Buffer.to_binary!(out)>>, do: v

        assert values ==
                 Enum.map(arguments, fn
                   true -> 1.0
                   false -> 0.0
                   n -> n / 1
                 end)
      end
    end

    test "passes a vector by value as its bytes", %{device: device} do
      {:ok, out} = Buffer.zeros(device, :f32, 4)
      AMDGPU.run!(kernel(device, :vector4), [grid: 1, block: 1], [pack(:f32, [1, 2, 3, 4]), out])
      assert numbers(out) == [1.0, 2.0, 3.0, 4.0]
    end

    test "takes integers and special numbers for floats", %{device: device} do
      {:ok, x} = Buffer.from_binary(device, :f32, pack(:f32, [1.0]))
      {:ok, y} = Buffer.zeros(device, :f32, 1)
      saxpy = kernel(device, :saxpy)
      AMDGPU.run!(saxpy, [grid: 1, block: 1], [1, 3, x, y])
      assert numbers(y) == [3.0]
      AMDGPU.run!(saxpy, [grid: 1, block: 1], [1, :infinity, x, y])
      assert Buffer.to_binary!(y) == <<0x7F800000::32-little>>
    end
  end

  describe "the times of a launch" do
    test "are on one clock and in order", %{device: device} do
      {:ok, out} = Buffer.zeros(device, :u32, 1)
      busy = kernel(device, :busy)
      one = AMDGPU.run!(busy, [grid: 1, block: 1], [5, out])
      two = AMDGPU.run!(busy, [grid: 1, block: 1], [5, out])

      for launch <- [one, two] do
        assert launch.queued_at <= launch.started_at
        assert launch.started_at <= launch.ended_at
        assert launch.duration_ns == launch.ended_at - launch.started_at
        assert launch.queued_ns == launch.started_at - launch.queued_at
        assert is_boolean(launch.specialised)
      end

      assert one.ended_at <= two.started_at
      assert one.duration_ns > 100_000
    end
  end

  describe "a wrong argument is refused with its position:" do
    setup %{device: device} do
      {:ok, x} = Buffer.zeros(device, :f32, 8)
      {:ok, y} = Buffer.zeros(device, :f32, 8)
      {:ok, saxpy: kernel(device, :saxpy), x: x, y: y}
    end

    defp refused(kernel, arguments, options \\ [grid: 1, block: 8]) do
      assert {:error, %LaunchError{} = error} = AMDGPU.launch(kernel, options, arguments)
      assert error.kernel == kernel.name
      assert is_binary(Exception.message(error))
      error
    end

    test "too few or too many", %{saxpy: saxpy, x: x, y: y} do
      assert Exception.message(refused(saxpy, [8, 1.0, x])) =~ "4"
      assert Exception.message(refused(saxpy, [8, 1.0, x, y, y])) =~ "5"
      refused(saxpy, [])
    end

    test "an integer out of range", %{saxpy: saxpy, x: x, y: y} do
      for n <- [2_147_483_648, -2_147_483_649, 0xFFFFFFFFFFFFFFFF, Integer.pow(2, 64)] do
        assert refused(saxpy, [n, 1.0, x, y]).argument == 0
      end
    end

    test "a float for an integer, a number for a pointer, a buffer for a number", %{
      saxpy: saxpy,
      x: x,
      y: y
    } do
      assert refused(saxpy, [8.0, 1.0, x, y]).argument == 0
      assert %{argument: 2, name: "x"} = refused(saxpy, [8, 1.0, 0, y])
      assert %{argument: 1, name: "a"} = refused(saxpy, [8, x, x, y])
      assert refused(saxpy, [8, 1.0, <<0::64>>, y]).argument == 2
    end

    test "a term that is no argument at all", %{saxpy: saxpy, x: x, y: y} do
      for term <- [:foo, nil, [1], {1, 2}, self(), make_ref(), %{}, %{ref: make_ref()}] do
        error = refused(saxpy, [term, 1.0, x, y])
        assert error.argument == 0
        assert error.got == inspect(term)
      end
    end

    test "a buffer of another type", %{saxpy: saxpy, device: device, y: y} do
      {:ok, wrong} = Buffer.zeros(device, :f64, 8)
      error = refused(saxpy, [8, 1.0, wrong, y])
      assert error.argument == 2
      assert error.expected =~ "float" or error.expected =~ "f32"
      assert error.got =~ "f64"
    end

    test "a freed buffer", %{saxpy: saxpy, x: x, y: y} do
      Buffer.free!(x)
      assert refused(saxpy, [8, 1.0, x, y]).argument == 2
    end

    test "a buffer of another device", %{saxpy: saxpy, x: x} do
      other = AMDGPU.open!(:host)
      {:ok, foreign} = Buffer.zeros(other, :f32, 8)
      assert refused(saxpy, [8, 1.0, x, foreign]).argument == 3
      AMDGPU.close(other)
    end

    test "a vector of the wrong size", %{device: device, x: x} do
      assert refused(kernel(device, :vector4), [<<0::32>>, x]).argument == 0
    end
  end

  describe "a wrong option is refused by name:" do
    setup %{device: device}, do: {:ok, empty: kernel(device, :empty)}

    test "shapes", %{empty: empty, device: device} do
      for grid <- [0, -1, 1.5, nil, {}, {1}, {1, 0}, {1, 2, 3, 4}, "1", Integer.pow(2, 40)] do
        assert %{argument: nil, name: "grid"} = refused(empty, [], grid: grid, block: 1)
        assert %{argument: nil, name: "block"} = refused(empty, [], grid: 1, block: grid)
      end

      too_many = device.properties.max_threads_per_block + 1
      assert Exception.message(refused(empty, [], grid: 1, block: too_many)) =~ "#{too_many}"
      {x, _, _} = device.properties.max_block
      refused(empty, [], grid: 1, block: x + 1)
    end

    test "what is missing or unknown", %{empty: empty} do
      assert %{name: "grid"} = refused(empty, [], block: 1)
      assert %{name: "block"} = refused(empty, [], grid: 1)
      assert refused(empty, [], grid: 1, block: 1, blocks: 2).got == ":blocks"
      assert refused(empty, [], [{:grid, 1}, :block]).got == ":block"
    end

    test "shared memory, streams and timeouts", %{empty: empty, device: device} do
      assert %{name: "shared"} = refused(empty, [], grid: 1, block: 1, shared: -1)
      too_much = device.properties.max_shared_bytes + 1
      refused(empty, [], grid: 1, block: 1, shared: too_much)
      assert %{name: "stream"} = refused(empty, [], grid: 1, block: 1, stream: 1)
      assert %{name: "timeout"} = refused(empty, [], grid: 1, block: 1, timeout: 0)
      other = AMDGPU.open!(:host)
      stream = AMDGPU.Stream.new!(other)
      assert %{name: "stream"} = refused(empty, [], grid: 1, block: 1, stream: stream)
      AMDGPU.close(other)
    end
  end

  test "the bang twins raise what the others return", %{device: device} do
    empty = kernel(device, :empty)
    assert_raise LaunchError, fn -> AMDGPU.launch!(empty, [grid: 1], []) end
    assert_raise LaunchError, fn -> AMDGPU.run!(empty, [grid: 1, block: 1], [1]) end
    assert %Launch{} = empty |> AMDGPU.launch!([grid: 1, block: 1], []) |> AMDGPU.await!()
  end

  test "a queue that is full makes launch wait, not fail", %{device: device} do
    empty = kernel(device, :empty)
    {:ok, out} = Buffer.zeros(device, :u32, 1)
    {:ok, _} = AMDGPU.launch(kernel(device, :busy), [grid: 1, block: 1], [100, out])
    jobs = for _ <- 1..40_000, do: AMDGPU.launch!(empty, [grid: 1, block: 1], [])
    assert {:ok, _} = AMDGPU.await(List.last(jobs), 60_000)
    for job <- jobs, do: assert({:ok, _} = AMDGPU.await(job, 0))
  end

  test "many processes launch at once", %{device: device} do
    add = kernel(device, :add)

    results =
      1..32
      |> Task.async_stream(
        fn task ->
          {:ok, x} = Buffer.zeros(device, :i32, 100)
          for _ <- 1..50, do: AMDGPU.run!(add, [grid: 1, block: 100], [x, 100, task])
          {task, Enum.uniq(numbers(x))}
        end,
        max_concurrency: 32,
        timeout: 60_000
      )
      |> Enum.map(fn {:ok, result} -> result end)

    for {task, values} <- results, do: assert(values == [50 * task])
  end
end
