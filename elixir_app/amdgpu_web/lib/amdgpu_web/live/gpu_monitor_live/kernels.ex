defmodule AMDGPUWeb.GPUMonitorLive.Kernels do
  @moduledoc false
  # The table of kernels: what is in it, in which order. No processes.

  @columns ~w(name launches p50 p99 bandwidth share)
  @most_rows 200

  defstruct kernels: %{}, by: "share", descending: true, text: ""

  def new, do: %__MODULE__{}

  def columns, do: @columns

  @doc "Kernels that changed, and the numbers of those that are gone."
  def put(view, changed, gone) do
    kernels = Map.merge(view.kernels, Map.new(changed, &{&1.id, &1}))
    %{view | kernels: Map.drop(kernels, gone)}
  end

  @doc "By a column; by the same again the other way round. Names begin with A, numbers with the largest."
  def sort(%{by: by} = view, by), do: %{view | descending: not view.descending}
  def sort(view, by) when by in @columns, do: %{view | by: by, descending: by != "name"}
  def sort(view, _unknown), do: view

  def filter(view, text) when is_binary(text), do: %{view | text: String.slice(text, 0, 100)}
  def filter(view, _other), do: view

  @doc "The rows to show, at most 200, each with its `share` of the time of all."
  def rows(view) do
    busy = view.kernels |> Map.values() |> Enum.reduce(0, &(&1.busy_ns + &2))
    text = String.downcase(view.text)

    view.kernels
    |> Map.values()
    |> Enum.filter(&(text == "" or String.contains?(String.downcase(&1.name), text)))
    |> Enum.map(&Map.put(&1, :share, if(busy == 0, do: 0.0, else: &1.busy_ns / busy)))
    |> Enum.sort_by(&{key(&1, view.by), &1.id}, if(view.descending, do: :desc, else: :asc))
    |> Enum.take(@most_rows)
  end

  defp key(kernel, "name"), do: String.downcase(kernel.name)
  defp key(kernel, "launches"), do: kernel.launches
  defp key(kernel, "p50"), do: kernel.p50_ns
  defp key(kernel, "p99"), do: kernel.p99_ns
  defp key(kernel, "bandwidth"), do: kernel.bytes / max(kernel.busy_ns, 1)
  defp key(kernel, "share"), do: kernel.busy_ns
end
