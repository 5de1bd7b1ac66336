defmodule AMDGPU.NIF.Core do
  @moduledoc false
  # The figures of one core class, from the latest frame: what AuraCore, MatrixCore and NeuromorphicCore
  # have in common.

  alias AMDGPU.Telemetry

  @nothing %{
    launches: 0,
    queued: 0,
    failed: 0,
    busy_ns: 0,
    busy_ratio: 0.0,
    bytes_per_second: 0.0,
    flops_per_second: 0.0,
    occupancy: 0.0,
    p50_ns: 0,
    p99_ns: 0
  }

  defmacro __using__(core_class) do
    quote do
      @doc """
      What the launches of this core class did, on all devices: `launches`, `queued`, `failed`, `busy_ns`
      (since the VM started), `busy_ratio`, `bytes_per_second`, `flops_per_second`, `occupancy` (in the
      latest interval of telemetry), `p50_ns`, `p99_ns` (of a launch), and `devices`, the open ones.
      """
      @spec get_telemetry() :: %{atom() => term()}
      def get_telemetry, do: AMDGPU.NIF.Core.telemetry(unquote(core_class))

      @doc """
      What one core does, by its number from 0: compute units are counted through all devices, in the order
      in which they were opened. `utilization` (0 to 1) and `clock_hertz` are nil on devices that do not say
      them core by core. `kernels` are those of this core class at work on its device. Nil if there is no such core.
      """
      @spec get_core_stats(non_neg_integer()) :: %{atom() => term()} | nil
      def get_core_stats(core) when is_integer(core) and core >= 0,
        do: AMDGPU.NIF.Core.core_stats(unquote(core_class), core)
    end
  end

  def telemetry(core_class) do
    frame = Telemetry.latest()

    stats = frame && Enum.find(frame.core_classes, &(&1.core_class == core_class))

    devices = if frame, do: Enum.map(frame.devices, &device/1), else: []
    stats |> figures() |> Map.merge(%{core: core_class, devices: devices})
  end

  def core_stats(core_class, core) do
    with %{devices: devices} = frame <- Telemetry.latest(),
         {device, index} <- locate(devices, core) do
      %{
        core: core,
        core_class: core_class,
        device: device(device),
        index: index,
        utilization: Enum.at(device.core_utilization, index),
        clock_hertz: Enum.at(device.core_hertz, index),
        kernels: kernels(frame, core_class, device.device)
      }
    end
  end

  # The device that has the core, and the core's number there.
  defp locate([], _core), do: nil
  defp locate([%{compute_units: n} = device | _], core) when core < n, do: {device, core}
  defp locate([%{compute_units: n} | rest], core), do: locate(rest, core - n)

  # Those the latest frame names: the ones at work, and all of them once a second.
  defp kernels(frame, core_class, device) do
    for %{device: ^device, core_class: ^core_class} = kernel <- frame.kernels do
      kernel.work |> work() |> Map.put(:name, kernel.name)
    end
  end

  defp device(device), do: %{kind: device.kind, index: device.index, name: device.name}

  defp figures(nil), do: @nothing

  defp figures(%{work: nil}), do: @nothing
  defp figures(stats), do: stats.work |> work() |> Map.put(:busy_ratio, stats.busy_ratio)

  defp work(work) do
    %{
      launches: work.launches_total,
      queued: work.queued,
      failed: work.failed_total,
      busy_ns: work.busy_ns_total,
      bytes_per_second: work.bytes_per_second,
      flops_per_second: work.flops_per_second,
      occupancy: work.occupancy,
      p50_ns: work.p50_ns,
      p99_ns: work.p99_ns
    }
  end
end
