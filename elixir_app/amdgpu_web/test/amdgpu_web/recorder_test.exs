defmodule AMDGPUWeb.RecorderTest do
  # The monitor's controls of the flight recorder.
  use AMDGPUWeb.Case

  setup do
    directory =
      Path.join(System.tmp_dir!(), "amdgpu-web-recordings-#{System.unique_integer([:positive])}")

    on_exit(fn ->
      AMDGPU.Telemetry.stop_replay()
      AMDGPU.Telemetry.stop_recording()
      File.rm_rf(directory)
    end)

    %{directory: directory}
  end

  defp click(view, text), do: view |> element("#recorder button", text) |> render_click()

  test "without a directory there are none" do
    {:ok, view, _} = live(local_conn(), "/")
    refute has_element?(view, "#recorder")
  end

  test "records, stops, replays and comes back", %{directory: directory} do
    put_config(:recordings, directory)
    open_device()
    {:ok, view, _} = live(local_conn(), "/")
    refute has_element?(view, "#recorder button", "Replay")
    click(view, "Record")
    assert has_element?(view, "#recorder .ag-pill", "recording")
    assert %{path: _} = AMDGPU.Telemetry.recording()
    Process.sleep(1_200)
    click(view, "Stop")
    assert AMDGPU.Telemetry.recording() == nil
    click(view, "Replay")
    assert has_element?(view, "#recorder .ag-pill", "replay")
    # What draws the frames is told that they are old, and when they are not any more.
    assert_push_event(view, "amdgpu:status", %{state: "replay"}, 5_000)
    click(view, "Back to live")
    assert AMDGPU.Telemetry.replaying() == nil
    assert_push_event(view, "amdgpu:status", %{state: "live"}, 5_000)
    assert has_element?(view, "#recorder button", "Record")
  end

  test "a directory that cannot be written to is said" do
    put_config(:recordings, "/proc/nowhere")
    {:ok, view, _} = live(local_conn(), "/")
    click(view, "Record")
    assert has_element?(view, "#recorder [role=alert]")
  end
end
