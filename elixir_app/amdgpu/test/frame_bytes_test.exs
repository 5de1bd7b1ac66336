defmodule AMDGPU.FrameBytesTest do
  # Encoded frames for who passes them on: by topic, and as JSON.
  use AMDGPU.DeviceCase, async: false

  alias AMDGPU.Telemetry

  defp frame(device) do
    :ok = Telemetry.subscribe(as: :encoded)
    name = device.properties.name
    bytes = wait(fn frame -> Enum.any?(frame.devices, &(&1.name == name and &1.pool != nil)) end)
    Telemetry.unsubscribe()
    bytes
  end

  defp wait(wanted) do
    assert_receive {:amdgpu_frame, bytes}, 2_000
    if wanted.(Telemetry.decode!(bytes)), do: bytes, else: wait(wanted)
  end

  test "pruned to topics a frame is smaller and keeps those topics", %{device: device} do
    bytes = frame(device)
    assert {:ok, pruned} = Telemetry.prune(bytes, [:memory])
    assert byte_size(pruned) < byte_size(bytes)
    assert [%{pool: %{}, values: []} | _] = Telemetry.decode!(pruned).devices
    assert Telemetry.decode!(pruned).sequence == Telemetry.decode!(bytes).sequence

    assert {:error, %AMDGPU.Error{code: :invalid_argument}} =
             Telemetry.prune("no frame", [:memory])
  end

  test "as JSON it has the schema's names, and the same numbers", %{device: device} do
    bytes = frame(device)
    assert {:ok, json} = Telemetry.to_json(bytes)
    frame = Telemetry.decode!(bytes)
    # 64-bit numbers are strings.
    assert json =~ ~s("sequence":"#{frame.sequence}")
    assert json =~ ~s("time_ns":"#{frame.time_ns}")
    assert json =~ ~s("pool":{)
    assert {:ok, devices} = Telemetry.to_json(bytes, [:devices])
    refute devices =~ ~s("pool":{)
    assert {:error, %AMDGPU.Error{}} = Telemetry.to_json("no frame")
  end
end
