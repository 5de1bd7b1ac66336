defmodule AMDGPUWeb.Telemetry do
  @moduledoc """
  Supervises what runs behind the pages and the channel:

    * `AMDGPUWeb.Feed` - frames, 60 a second, to channels and browsers
    * `AMDGPUWeb.Digest` - what changes seldom, for LiveViews
    * `AMDGPUWeb.KernelBench.Limits` - what each user of the kernel bench may still do

  Each of them subscribes to `AMDGPU.Telemetry` only while somebody looks.
  """

  use Supervisor

  @doc false
  def start_link(options), do: Supervisor.start_link(__MODULE__, options, name: __MODULE__)

  @impl true
  def init(_options) do
    children = [AMDGPUWeb.Feed, AMDGPUWeb.Digest, AMDGPUWeb.KernelBench.Limits]
    Supervisor.init(children, strategy: :one_for_one)
  end
end
