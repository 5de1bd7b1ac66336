defmodule AMDGPU.StreamTest do
  use AMDGPU.DeviceCase, async: true
  alias AMDGPU.{Buffer, Stream}

  test "keeps the order of its work", %{device: device} do
    stream = Stream.new!(device)
    {:ok, x} = Buffer.zeros(device, :i32, 1)
    step = kernel(device, :twice_plus)
    jobs = for n <- 1..20, do: AMDGPU.launch!(step, [grid: 1, block: 1, stream: stream], [x, n])
    expected = Enum.reduce(1..20, 0, fn n, x -> 2 * x + n end)
    assert :ok = Stream.synchronize(stream)
    assert numbers(x) == [expected]
    infos = Enum.map(jobs, &AMDGPU.await!(&1, 0))
    assert infos == Enum.sort_by(infos, & &1.started_at)
  end

  test "runs beside other streams", %{device: device} do
    [one, two] = [Stream.new!(device), Stream.new!(device)]
    {:ok, flag} = Buffer.zeros(device, :i32, 1)
    AMDGPU.synchronize!(device)
    # Ends only if the other stream's work runs meanwhile.
    {:ok, waits} =
      AMDGPU.launch(kernel(device, :forever), [grid: 1, block: 1, stream: one, timeout: 20_000], [
        flag
      ])

    {:ok, _} = AMDGPU.launch(kernel(device, :add), [grid: 1, block: 1, stream: two], [flag, 1, 1])

    assert {:ok, _} = AMDGPU.await(waits, 30_000)
  end

  test "waits for another stream when told to", %{device: device} do
    [one, two] = [Stream.new!(device), Stream.new!(device)]
    {:ok, out} = Buffer.zeros(device, :u32, 1)
    {:ok, x} = Buffer.zeros(device, :i32, 1)
    busy = kernel(device, :busy)
    {:ok, first} = AMDGPU.launch(busy, [grid: 1, block: 1, stream: one], [30, out])
    assert :ok = Stream.wait(two, one)
    add = kernel(device, :add)
    {:ok, second} = AMDGPU.launch(add, [grid: 1, block: 1, stream: two], [x, 1, 1])
    second = AMDGPU.await!(second)
    assert AMDGPU.await!(first, 0).ended_at <= second.started_at
    assert :ok = Stream.wait(two, nil)
    assert {:error, %AMDGPU.TimeoutError{}} = busy_then_synchronize(busy, one, out)
  end

  defp busy_then_synchronize(busy, stream, out) do
    {:ok, _} = AMDGPU.launch(busy, [grid: 1, block: 1, stream: stream], [50, out])
    result = Stream.synchronize(stream, 1)
    Stream.synchronize!(stream)
    result
  end

  test "closed is closed", %{device: device} do
    stream = Stream.new!(device)
    assert inspect(stream) == "#AMDGPU.Stream<on #{AMDGPU.Device.label(device)}>"
    assert :ok = Stream.close(stream)
    assert :ok = Stream.close(stream)
    empty = kernel(device, :empty)

    assert {:error, %AMDGPU.LaunchError{name: "stream"}} =
             AMDGPU.launch(empty, [grid: 1, block: 1, stream: stream], [])

    assert {:error, %AMDGPU.Error{}} = Stream.synchronize(stream)
    assert {:error, %AMDGPU.Error{}} = Stream.wait(stream, nil)
    assert {:error, %AMDGPU.Error{}} = Buffer.new(device, :f32, 1, stream: stream)
  end

  test "hundreds come and go", %{device: device} do
    empty = kernel(device, :empty)

    for _ <- 1..20 do
      streams = for _ <- 1..20, do: Stream.new!(device)

      for stream <- streams,
          do: AMDGPU.launch!(empty, [grid: 1, block: 1, stream: stream], [])

      for stream <- streams, do: Stream.close!(stream)
    end

    assert {:ok, _} = AMDGPU.run(empty, [grid: 1, block: 1], [])
  end
end
