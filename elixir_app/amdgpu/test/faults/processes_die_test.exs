defmodule AMDGPU.Faults.ProcessesDieTest do
  # A thousand owners die; VMs end while kernels run. Nothing is left behind.
  use AMDGPU.DeviceCase, async: false
  alias AMDGPU.{Buffer, ChildVM, Processes}

  @moduletag :fault

  test "1,000 processes that die holding buffers", %{device: device} do
    :erlang.garbage_collect()
    before = AMDGPU.memory(device).used
    test = self()

    owners =
      for _ <- 1..1000 do
        spawn(fn ->
          buffers = for _ <- 1..3, do: Buffer.zeros!(device, :u8, 5_000)
          send(test, {:holding, self(), length(buffers)})
          receive do: (:stop -> buffers)
        end)
      end

    for owner <- owners, do: assert_receive({:holding, ^owner, 3}, 30_000)
    assert AMDGPU.memory(device).used - before >= 15_000_000
    for owner <- owners, do: Process.exit(owner, :kill)
    eventually(fn -> AMDGPU.memory(device).used <= before end)
    assert {:ok, _} = AMDGPU.run(kernel(device, :empty), [grid: 1, block: 1], [])
  end

  @spinning """
  device = AMDGPU.open!(:host)
  source = ~S|extern "C" __global__ void k(int* flag) { volatile int* f = flag; while (*f == 0) {} }|
  kernel = AMDGPU.Kernel.compile!(device, source, "k")
  flag = AMDGPU.Buffer.zeros!(device, :i32, 1)
  AMDGPU.synchronize!(device)
  {:ok, _} = AMDGPU.launch(kernel, [grid: 1, block: 1], [flag])
  [compiler] = for entry <- File.ls!("/proc"), match?({_, ""}, Integer.parse(entry)),
    {:ok, stat} <- [File.read("/proc/" <> entry <> "/stat")],
    stat =~ "(amdgpu_compiler) ", [_, _, _, parent | _] = String.split(stat),
    parent == System.pid(), do: entry
  IO.puts("pids \#{System.pid()} \#{AMDGPU.stats(device).worker_pid} \#{compiler}")
  """

  # Starts a VM whose worker spins, ends it by `ending`, and checks that its processes are gone.
  defp ends(code, ending) do
    # What the VM has printed gets out before it ends.
    code = @spinning <> "Process.sleep(500)\n" <> code
    {port, _} = ChildVM.start(code, env: [{"ERL_CRASH_DUMP_BYTES", "0"}])

    [vm, worker, compiler] =
      port |> ChildVM.line("pids ") |> String.split() |> Enum.map(&String.to_integer/1)

    assert Processes.alive?(worker) and Processes.alive?(compiler)
    ending.(vm)
    for pid <- [vm, worker, compiler], do: eventually(fn -> not Processes.alive?(pid) end)
    assert_receive {^port, {:exit_status, status}}, 5_000
    status
  end

  test "a VM that is halted while a kernel runs" do
    assert ends("System.halt(7)", fn _ -> :ok end) == 7
  end

  test "a VM that is stopped in an orderly way while a kernel runs" do
    assert ends("System.stop(3)\nProcess.sleep(:infinity)", fn _ -> :ok end) == 3
  end

  test "a VM that is killed while a kernel runs" do
    assert ends("Process.sleep(:infinity)", &Processes.kill/1) == 137
  end

  test "a VM that crashes while a kernel runs" do
    assert ends(":erlang.halt('crash')", fn _ -> :ok end) == 1
  end
end
