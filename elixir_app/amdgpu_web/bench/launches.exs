# What makes frames of about 2 KB: so many launches of an empty kernel for each.
defmodule Launches do
  @a_frame 28

  def start do
    device = AMDGPU.open!(:host, threads: 1)
    source = "extern \"C\" __global__ void empty() {}"
    kernel = AMDGPU.Kernel.compile!(device, source, "empty")
    spawn_link(fn -> launch(kernel) end)
  end

  defp launch(kernel) do
    for _ <- 1..@a_frame, do: AMDGPU.launch!(kernel, [grid: 1, block: 1], [])
    Process.sleep(16)
    launch(kernel)
  end
end
