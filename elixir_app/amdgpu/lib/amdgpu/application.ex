defmodule AMDGPU.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    children = [
      AMDGPU.Compiler,
      {DynamicSupervisor, name: AMDGPU.DeviceSupervisor, strategy: :one_for_one}
    ]

    Supervisor.start_link(children, strategy: :one_for_one, name: AMDGPU.Supervisor)
  end
end
