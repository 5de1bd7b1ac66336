defmodule AMDGPU.Math.LibraryKernelsTest do
  # The life of the runtime's own kernels: compiled once, kept, gone with their device.
  use AMDGPU.DeviceCase, async: false
  import AMDGPU.Numbers
  alias AMDGPU.{Library, Math}
  alias AMDGPU.NIF.Orchestrator

  doctest AMDGPU.Math
  doctest AMDGPU.Blas
  doctest AMDGPU.NIF.Orchestrator

  defp kept(device), do: length(:ets.match(Library, {{device.pid, :_, :_, :_, :_}, :"$1"}))

  test "are kept for the device, and go when it is closed" do
    device = AMDGPU.open!(:host)
    x = buffer(device, :f32, [1.0])
    assert kept(device) == 0
    Math.add!(x, 1.0)
    assert kept(device) == 1
    Math.add!(x, 2.0)
    assert kept(device) == 1
    AMDGPU.close(device)
    eventually(fn -> kept(device) == 0 end)
  end

  test "are compiled once for processes that ask together" do
    device = AMDGPU.open!(:host)
    before = AMDGPU.Compiler.stats().compiled
    expression = "x + #{System.unique_integer([:positive])}.0f * 0"

    1..16
    |> Enum.map(fn i ->
      Task.async(fn -> list(Math.map!(buffer(device, :f32, [i * 1.0]), expression)) end)
    end)
    |> Task.await_many(60_000)
    |> Enum.each(&assert match?([x] when is_float(x), &1))

    assert AMDGPU.Compiler.stats().compiled - before < 16
    assert kept(device) == 1
    AMDGPU.close(device)
  end

  @tag :capture_log
  test "work on after the device's worker was killed" do
    device = AMDGPU.open!(:host)
    x = buffer(device, :f32, [1.0, 2.0])
    assert list(Math.sum!(x)) == [3.0]
    AMDGPU.Processes.kill(AMDGPU.stats(device).worker_pid)
    eventually(fn -> match?({:ok, _}, Math.sum(x)) end)
    assert list(Math.sum!(x)) == [3.0]
    AMDGPU.close(device)
  end

  test "a result of work that fails is freed", %{device: device} do
    x = buffer(device, :f32, List.duplicate(1.0, 1000))
    used = AMDGPU.memory(device).used
    {:error, _} = Math.map({x, buffer(device, :f32, [1.0])}, :add)
    :erlang.garbage_collect()
    eventually(fn -> AMDGPU.memory(device).used <= used end)
  end

  describe "Orchestrator.dispatch_kernel/3" do
    test "routes to the right part", %{device: device} do
      source = ~S|extern "C" __global__ void k(int* x) { x[threadIdx.x] += 1; }|
      {:ok, kernel} = Orchestrator.dispatch_kernel(:compute, :compile, [device, source, "k"])
      {:ok, x} = Orchestrator.dispatch_kernel(:memory, :zeros, [device, :i32, 2])

      assert {:ok, %AMDGPU.Launch{}} =
               Orchestrator.dispatch_kernel(:compute, :run, [kernel, [grid: 1, block: 2], [x]])

      assert {:ok, sum} = Orchestrator.dispatch_kernel(:math, :sum, [x])
      assert list(sum) == [2]

      assert {:ok, <<1::32-little, 1::32-little>>} =
               Orchestrator.dispatch_kernel(:memory, :to_binary, [x])

      assert :ok = Orchestrator.dispatch_kernel(:memory, :free, [x])
    end

    test "says what there is", %{device: device} do
      for {arguments, part} <- [
            {[:quantum, :leap, []], "there are :compute, :memory, :dsl, :math"},
            {[:math, :integrate, []], "there is no :math operation :integrate"},
            {[:math, :add!, []], "there is no :math operation :add!"},
            {[:memory, :zeros, [device]], "takes 3 or 4 arguments, got 1"},
            {[:memory, :zeros, device], "a list of arguments"},
            {[:dsl, :compile, []], "no kernels written in Elixir"}
          ] do
        assert {:error, %AMDGPU.Error{message: message}} =
                 apply(Orchestrator, :dispatch_kernel, arguments)

        assert message =~ part
      end
    end
  end
end
