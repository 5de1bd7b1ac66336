defmodule AMDGPU.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    load_modules()

    children = [
      AMDGPU.Compiler,
      AMDGPU.Library,
      AMDGPU.ProfilerHub,
      AMDGPU.Telemetry.Events,
      {DynamicSupervisor, name: AMDGPU.DeviceSupervisor, strategy: :one_for_one}
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: AMDGPU.Supervisor)
  end

  # Errors come when there is nothing left, file descriptors included: to tell of one must not need a
  # module from disk. The NIF loads with its first use.
  defp load_modules do
    {:ok, modules} = :application.get_key(:amdgpu, :modules)
    :code.ensure_modules_loaded(List.delete(modules, AMDGPU.Native))
  end
end
