defmodule AMDGPU.PrintfTest do
  use ExUnit.Case, async: true
  import AMDGPU.TestKernels

  defp printed(text) do
    receive do
      {:amdgpu_print, more} -> printed(text <> more)
    after
      200 -> text
    end
  end

  test "goes to the process that was named" do
    device = AMDGPU.open!(:host, printf: self())
    AMDGPU.run!(kernel(device, :prints), [grid: 1, block: 4], [4])
    lines = "" |> printed() |> String.split("\n", trim: true)
    assert Enum.sort(lines) == for(n <- 0..3, do: "hello #{n} of 4")
    AMDGPU.close(device)
  end

  test "is dropped when told to" do
    device = AMDGPU.open!(:host, printf: :ignore)
    AMDGPU.run!(kernel(device, :prints), [grid: 64, block: 64], [4])
    assert {:ok, _} = AMDGPU.run(kernel(device, :empty), [grid: 1, block: 1], [])
    AMDGPU.close(device)
  end

  test "goes to standard output otherwise" do
    {output, 0} =
      AMDGPU.ChildVM.run("""
      device = AMDGPU.open!(:host)
      source = ~S|extern "C" __global__ void p() { printf("from the device\\n"); }|
      AMDGPU.run!(AMDGPU.Kernel.compile!(device, source, "p"), [grid: 1, block: 1], [])
      Process.sleep(300)
      """)

    assert output =~ "from the device\n"
  end
end
