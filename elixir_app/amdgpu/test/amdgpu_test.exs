defmodule AMDGPUTest do
  use ExUnit.Case, async: true
  import AMDGPU.DeviceCase, only: [eventually: 1]
  alias AMDGPU.{Device, Error}

  doctest AMDGPU

  describe "devices/0" do
    test "has the host device, and every id can be opened" do
      devices = AMDGPU.devices()
      ids = Enum.map(devices, & &1.id)
      assert List.last(ids) == {:host, 0}
      assert List.last(devices).properties.kind == :host

      for id <- ids do
        assert {:ok, %Device{id: ^id} = device} = AMDGPU.open(id)
        assert :ok = AMDGPU.close(device)
      end
    end
  end

  describe "open/2" do
    test "says what the device can do" do
      device = AMDGPU.open!(:host)
      properties = device.properties
      assert properties.kind == :host
      assert properties.warp_size in [32, 64]
      assert properties.compute_units > 0
      assert {x, _, _} = properties.max_block
      assert x > 0 and properties.max_threads_per_block >= x
      assert properties.max_shared_bytes >= 16_384
      assert properties.memory_bytes > 0
      assert inspect(device) =~ "host:0"
      AMDGPU.close(device)
    end

    test "starts a worker of its own each time" do
      one = AMDGPU.open!(:host)
      two = AMDGPU.open!(:host)
      assert AMDGPU.stats(one).worker_pid != AMDGPU.stats(two).worker_pid
      AMDGPU.close(one)
      assert {:ok, _} = AMDGPU.Buffer.zeros(two, :f32, 10)
      AMDGPU.close(two)
    end

    test "of what is not there is an error that says what is" do
      assert {:error, %Error{code: :not_found, message: message}} = AMDGPU.open({:host, 7})
      assert message =~ "{:host, 0}"
      assert {:error, %Error{code: :invalid_argument}} = AMDGPU.open(:gpu)
      assert_raise Error, fn -> AMDGPU.open!(:gpu) end
    end

    test "names a wrong option" do
      assert {:error, %Error{message: message}} = AMDGPU.open(:host, memory: 1)
      assert message =~ ":memory" and message =~ ":memory_limit"
      assert {:error, %Error{message: message}} = AMDGPU.open(:host, threads: 0)
      assert message =~ ":threads" and message =~ "got 0"
      assert {:error, %Error{}} = AMDGPU.open(:host, [:threads])
    end
  end

  describe "close/1" do
    test "ends the worker, twice is fine, and what comes after is an error" do
      device = AMDGPU.open!(:host)
      kernel = AMDGPU.TestKernels.kernel(device, :empty)
      worker = AMDGPU.stats(device).worker_pid
      assert AMDGPU.Processes.alive?(worker)
      assert :ok = AMDGPU.close(device)
      assert :ok = AMDGPU.close(device)
      eventually(fn -> not AMDGPU.Processes.alive?(worker) end)

      assert {:error, %AMDGPU.DeviceLostError{}} = AMDGPU.run(kernel, [grid: 1, block: 1], [])
    end

    test "fails what is in flight, and host buffers stay readable" do
      device = AMDGPU.open!(:host)
      {:ok, flag} = AMDGPU.Buffer.zeros(device, :i32, 4)
      :ok = AMDGPU.synchronize(device)
      kernel = AMDGPU.TestKernels.kernel(device, :forever)
      {:ok, job} = AMDGPU.launch(kernel, [grid: 1, block: 1], [flag])
      AMDGPU.close(device)
      assert {:error, %AMDGPU.DeviceLostError{}} = AMDGPU.await(job, 5_000)
      assert {:ok, <<0::128>>} = AMDGPU.Buffer.to_binary(flag)
    end

    test "happens by itself when the owner ends" do
      test = self()

      {owner, monitor} =
        spawn_monitor(fn ->
          send(test, AMDGPU.stats(AMDGPU.open!(:host, owner: self())).worker_pid)
        end)

      assert_receive worker when is_integer(worker)
      assert_receive {:DOWN, ^monitor, :process, ^owner, :normal}
      eventually(fn -> not AMDGPU.Processes.alive?(worker) end)
    end

    test "happens by itself when the device's server is killed" do
      device = AMDGPU.open!(:host)
      worker = AMDGPU.stats(device).worker_pid
      Process.exit(device.pid, :kill)
      eventually(fn -> not AMDGPU.Processes.alive?(worker) end)
    end
  end

  test "stats/1 counts launches" do
    device = AMDGPU.open!(:host)
    kernel = AMDGPU.TestKernels.kernel(device, :empty)
    before = AMDGPU.stats(device).launches
    for _ <- 1..10, do: AMDGPU.run!(kernel, [grid: 1, block: 1], [])
    assert AMDGPU.stats(device).launches == before + 10
    assert AMDGPU.stats(device).restarts == 0
    AMDGPU.close(device)
  end
end
