defmodule AMDGPUWeb do
  @moduledoc """
  The dashboard of AMDGPU as a Phoenix application, and as a part of another one.

    * `AMDGPUWeb.Router` - `amdgpu_dashboard "/gpu"` in another application's router
    * `AMDGPUWeb.GPUMonitorLive`, `AMDGPUWeb.KernelBenchLive` - the pages
    * `AMDGPUWeb.LiveDashboardPage` - the same in short, as a page of Phoenix LiveDashboard
    * `AMDGPUWeb.UserSocket`, `AMDGPUWeb.GPUTelemetryChannel` - frames for any Phoenix client
    * `AMDGPUWeb.Telemetry` - what runs behind them
    * `AMDGPUWeb.Endpoint` - the application of its own: `mix phx.server`

  ## Configuration of `:amdgpu_web`

    * `standalone:` - true starts `AMDGPUWeb.Endpoint`; the project's own configuration does, an
      application that has this one as a dependency does not get it
    * `token:` - who has it may look; without one only this machine may, by a loopback name and address
    * `origins:` - hosts, besides this machine's names, whose pages may open a socket
    * `devices:` - what to open when the endpoint starts: a list of what `AMDGPU.open/1` takes; `[]` by default
    * `recordings:` - a directory: the monitor then has controls to record into it and to replay it, see
      `AMDGPUWeb.GPUMonitorLive.Recorder`
    * `live_rate:` - how often a second LiveViews are told of changes, at most; 2 by default
    * `kernel_bench:` - true shows `AMDGPUWeb.KernelBenchLive`; see there for `kernel_bench_limits:`
  """

  @doc false
  def live_view do
    quote do
      use Phoenix.LiveView, layout: {AMDGPUWeb.Layouts, :app}
      alias Phoenix.LiveView.JS
      import AMDGPUWeb.Format
    end
  end

  @doc false
  def channel do
    quote do
      use Phoenix.Channel
    end
  end

  @doc false
  def html do
    quote do
      use Phoenix.Component
      import AMDGPUWeb.Format
    end
  end

  defmacro __using__(which) when is_atom(which), do: apply(__MODULE__, which, [])
end
