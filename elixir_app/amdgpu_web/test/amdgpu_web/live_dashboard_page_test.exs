defmodule AMDGPUWeb.LiveDashboardPageTest do
  use AMDGPUWeb.Case

  test "devices and kernels are a page of Phoenix LiveDashboard" do
    device = open_device()
    launch(device, "in_dashboard")
    {:ok, view, html} = live(local_conn(), "/system/amdgpu")
    assert html =~ "AMDGPU"
    eventually(fn -> render(view) =~ device.properties.name end)
    eventually(fn -> render(view) =~ "in_dashboard" end)

    assert [policy] =
             local_conn()
             |> get("/system/amdgpu")
             |> Plug.Conn.get_resp_header("content-security-policy")

    assert policy =~ "nonce-"
  end
end
