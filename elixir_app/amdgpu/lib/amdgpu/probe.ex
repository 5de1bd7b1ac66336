defmodule AMDGPU.Probe do
  @moduledoc false
  # Which devices the machine has. The vendors' libraries are asked in processes of their own
  # (`amdgpu_worker --probe=KIND`), once; what they say is kept for the life of the VM.

  alias AMDGPU.{Native, NativeFiles}

  # Best first.
  @kinds [:hip, :cuda, :host]

  @type node_file :: %{
          path: String.t(),
          usable: boolean(),
          group: String.t(),
          error: String.t()
        }
  @type t :: %{
          kind: AMDGPU.Device.kind(),
          library: String.t(),
          library_version: String.t(),
          devices: [%{atom() => term()}],
          problem: String.t(),
          nodes: [node_file()]
        }

  @doc "The kinds of device there may be, best first."
  @spec kinds() :: [AMDGPU.Device.kind()]
  def kinds, do: @kinds

  @doc "What is known of each kind; `refresh: true` asks again."
  @spec all(refresh: boolean()) :: [t()]
  def all(options \\ []) do
    worker = NativeFiles.path("amdgpu_worker")
    key = {__MODULE__, worker}
    known = if options[:refresh], do: nil, else: :persistent_term.get(key, nil)

    case known do
      nil ->
        probes = ask(worker)
        :persistent_term.put(key, probes)
        probes

      probes ->
        probes
    end
  end

  @doc "What is known of one kind."
  @spec of(AMDGPU.Device.kind()) :: t()
  def of(kind), do: Enum.find(all(), &(&1.kind == kind))

  @doc "Properties as they come from the NIF, with the kind as an atom."
  @spec properties(%{atom() => term()}) :: %{atom() => term()}
  def properties(map), do: Map.update!(map, :kind, &kind/1)

  defp ask(worker) do
    # A NIF that does not load is to be the caller's error, not that of a task.
    _ = Native.build_id()

    @kinds
    |> Enum.map(&Task.async(fn -> Native.device_probe(worker, Atom.to_string(&1)) end))
    |> Task.await_many(:infinity)
    |> Enum.map(fn probe ->
      probe |> properties() |> Map.update!(:devices, &Enum.map(&1, fn d -> properties(d) end))
    end)
  end

  defp kind("host"), do: :host
  defp kind("hip"), do: :hip
  defp kind("cuda"), do: :cuda
end
