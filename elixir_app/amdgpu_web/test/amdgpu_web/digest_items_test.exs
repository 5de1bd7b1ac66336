defmodule AMDGPUWeb.DigestItemsTest do
  use ExUnit.Case, async: true

  alias AMDGPUWeb.Digest.Items

  @work %{
    launches_total: 1,
    failed_total: 0,
    busy_ns_total: 10,
    bytes_total: 0,
    p50_ns: 10,
    p99_ns: 10
  }

  defp frame(fields) do
    Map.merge(
      %{
        time_ns: 1_000,
        unix_ns: 2_000,
        devices: [],
        kernels: [],
        owners: [],
        launches: [],
        compiles: [],
        events: []
      },
      Map.new(fields)
    )
  end

  test "kernels of a device that came and went between two looks are not kept" do
    kernel = %{kernel: 7, name: "unseen", device: 3, core_class: :aura, work: @work}
    items = Items.work(Items.new(), frame(kernels: [kernel]))
    assert {[{{:kernels, 7}, %{name: "unseen"}}], [], items} = Items.changes(items)
    # The frame that a look is at has no such device.
    assert {[], [{:kernels, 7}], _items} = items |> Items.state(frame([])) |> Items.changes()
  end
end
