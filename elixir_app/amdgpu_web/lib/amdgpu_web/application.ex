defmodule AMDGPUWeb.Application do
  @moduledoc false
  use Application
  require Logger

  alias AMDGPUWeb.{Access, Assets, Endpoint, Telemetry}

  @impl true
  def start(_type, _args) do
    Assets.load()
    standalone? = Application.get_env(:amdgpu_web, :standalone, false)

    with :ok <- if(standalone?, do: Access.check_listen(Endpoint.listen()), else: :ok) do
      pages = [{Phoenix.PubSub, name: AMDGPUWeb.PubSub}, Endpoint]
      children = [Telemetry | if(standalone?, do: pages, else: [])]

      result =
        Supervisor.start_link(children, strategy: :rest_for_one, name: AMDGPUWeb.Supervisor)

      if standalone?, do: open_devices()
      result
    end
  end

  @impl true
  def config_change(changed, _new, removed) do
    Endpoint.config_change(changed, removed)
    :ok
  end

  # A device that is not there must not keep the pages from saying so.
  defp open_devices do
    for selector <- Application.get_env(:amdgpu_web, :devices, []) do
      with {:error, error} <- AMDGPU.open(selector),
           do: Logger.error("#{inspect(selector)} is not open: #{Exception.message(error)}")
    end
  end
end
