defmodule AMDGPUWeb.Case do
  @moduledoc """
  What the tests share: a device of the CPU, kernels on it, and waiting for what comes by messages.
  """
  use ExUnit.CaseTemplate

  using options do
    tools =
      case options[:tools] do
        :channel ->
          quote do: import(Phoenix.ChannelTest)

        nil ->
          quote do
            import Phoenix.ConnTest
            import Phoenix.LiveViewTest
          end
      end

    quote do
      import AMDGPUWeb.Case
      unquote(tools)
      @endpoint AMDGPUWeb.Endpoint
    end
  end

  @doc "A connection from this machine, by a loopback name."
  def local_conn,
    do: %{Phoenix.ConnTest.build_conn() | host: "localhost", remote_ip: {127, 0, 0, 1}}

  @doc "A device for the length of a test."
  def open_device(options \\ []) do
    device = AMDGPU.open!(:host, [threads: 1] ++ options)
    on_exit(fn -> AMDGPU.close(device) end)
    device
  end

  @doc "Launches a kernel of that name once."
  def launch(device, name \\ "twice") do
    source = "extern \"C\" __global__ void #{name}(int* x) { x[threadIdx.x] *= 2; }"
    kernel = AMDGPU.Kernel.compile!(device, source, name)
    buffer = AMDGPU.Buffer.zeros!(device, :i32, 64)
    AMDGPU.run!(kernel, [grid: 1, block: 64, bytes: 512], [buffer])
    {kernel, buffer}
  end

  @doc "Waits until it is true, 5 seconds at most."
  def eventually(check, tries \\ 250) do
    cond do
      result = check.() ->
        result

      tries == 0 ->
        ExUnit.Assertions.flunk("it did not become true within 5 seconds")

      true ->
        Process.sleep(20)
        eventually(check, tries - 1)
    end
  end

  @doc "Sets configuration for the length of a test."
  def put_config(key, value) do
    before = Application.fetch_env(:amdgpu_web, key)
    Application.put_env(:amdgpu_web, key, value)

    on_exit(fn ->
      case before do
        {:ok, value} -> Application.put_env(:amdgpu_web, key, value)
        :error -> Application.delete_env(:amdgpu_web, key)
      end
    end)
  end
end
