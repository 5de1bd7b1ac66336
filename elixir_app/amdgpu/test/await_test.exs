defmodule AMDGPU.AwaitTest do
  use AMDGPU.DeviceCase, async: true
  alias AMDGPU.{Buffer, Job, Launch, TimeoutError}

  setup %{device: device} do
    {:ok, out} = Buffer.zeros(device, :u32, 1)
    {:ok, busy: kernel(device, :busy), out: out}
  end

  test "a timeout leaves the job to be awaited again, and no message", %{busy: busy, out: out} do
    {:ok, job} = AMDGPU.launch(busy, [grid: 1, block: 1], [100, out])
    assert {:error, %TimeoutError{what: "await", after_ms: 1}} = AMDGPU.await(job, 1)
    assert {:error, %TimeoutError{}} = AMDGPU.await(job, 0)
    assert inspect(job) =~ "pending"
    assert {:ok, %Launch{}} = AMDGPU.await(job)
    assert {:ok, %Launch{}} = AMDGPU.await(job, 0)
    assert inspect(job) == "#AMDGPU.Job<launch done>"
    Process.sleep(20)
    assert mailbox() == []
  end

  test "timeouts that race with the end leave no message", %{device: device, out: out} do
    busy = kernel(device, :busy)

    for _ <- 1..300 do
      {:ok, job} = AMDGPU.launch(busy, [grid: 1, block: 1], [1, out])

      case AMDGPU.await(job, :rand.uniform(4) - 1) do
        {:ok, _} -> :ok
        {:error, %TimeoutError{}} -> assert {:ok, _} = AMDGPU.await(job)
      end
    end

    Process.sleep(20)
    assert mailbox() == []
  end

  test "other messages stay where they are", %{busy: busy, out: out} do
    for n <- 1..1000, do: send(self(), {:other, n})
    {:ok, _} = AMDGPU.run(busy, [grid: 1, block: 1], [5, out])
    assert mailbox() == for(n <- 1..1000, do: {:other, n})
  end

  test "any number of processes can await one job", %{busy: busy, out: out} do
    {:ok, job} = AMDGPU.launch(busy, [grid: 1, block: 1], [50, out])
    tasks = for _ <- 1..50, do: Task.async(fn -> AMDGPU.await(job) end)
    results = Task.await_many(tasks, 60_000)
    assert [{:ok, %Launch{}}] = Enum.uniq(results)
  end

  test "a process that ends while it awaits disturbs nobody", %{busy: busy, out: out} do
    {:ok, job} = AMDGPU.launch(busy, [grid: 1, block: 1], [100, out])
    waiters = for _ <- 1..20, do: spawn(fn -> AMDGPU.await(job) end)
    Process.sleep(10)
    for waiter <- waiters, do: Process.exit(waiter, :kill)
    assert {:ok, %Launch{}} = AMDGPU.await(job)
  end

  test "jobs that nobody awaits run all the same", %{device: device} do
    {:ok, x} = Buffer.zeros(device, :i32, 1)
    add = kernel(device, :add)
    for _ <- 1..100, do: {:ok, %Job{}} = AMDGPU.launch(add, [grid: 1, block: 1], [x, 1, 1])
    :erlang.garbage_collect()
    assert numbers(x) == [100]
  end

  test "synchronize waits for what is queued, or says that it has not ended", %{
    device: device,
    busy: busy,
    out: out
  } do
    {:ok, job} = AMDGPU.launch(busy, [grid: 1, block: 1], [100, out])
    assert {:error, %TimeoutError{}} = AMDGPU.synchronize(device, 1)
    assert :ok = AMDGPU.synchronize(device)
    assert {:ok, _} = AMDGPU.await(job, 0)
    assert mailbox() == []
  end
end
