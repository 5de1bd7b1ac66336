defmodule AMDGPUWeb.SecondAppTest do
  # The dashboard inside another application.
  use ExUnit.Case
  import Phoenix.ConnTest
  import Phoenix.LiveViewTest
  import AMDGPUWeb.Case, only: [open_device: 0, launch: 2, eventually: 1]

  @endpoint SecondApp.Endpoint

  setup_all do
    Application.put_env(:amdgpu_web, SecondApp.Endpoint,
      secret_key_base: String.duplicate("x", 64),
      live_view: [signing_salt: "abcdefgh"]
    )

    start_supervised!(SecondApp.Endpoint)
    :ok
  end

  defp next_frame(view) do
    assert_push_event(view, "amdgpu:frame", %{frame: frame}, 1_000)
    frame |> Base.decode64!() |> AMDGPU.Telemetry.decode!()
  end

  defp visit(session), do: init_test_session(build_conn(), session)

  test "its hook decides who may see it" do
    assert {:error, {:redirect, %{to: "/sorry"}}} = live(visit(%{}), "/admin/gpu")

    assert {:error, {:redirect, %{to: "/sorry"}}} =
             live(visit(%{"role" => "guest"}), "/admin/gpu")

    assert {:ok, _, html} = live(visit(%{"role" => "admin"}), "/admin/gpu")
    assert html =~ "Kernels"
  end

  test "everything is below where it was mounted" do
    html = visit(%{"role" => "admin"}) |> get("/admin/gpu") |> html_response(200)
    assert html =~ ~s(href="/admin/gpu/bench")
    assert html =~ ~s(name="amdgpu-live-path" content="/live")

    for [_, path] <- Regex.scan(~r/(?:href|src)="(\/[^"]+)"/, html) do
      assert String.starts_with?(path, "/admin/gpu")
    end

    [_, script] = Regex.run(~r/src="([^"]+)"/, html)
    assert build_conn() |> get(script) |> response(200) =~ "LiveSocket"
    [_, style] = Regex.run(~r/rel="stylesheet" href="([^"]+)"/, html)
    assert build_conn() |> get(style) |> response(200) =~ "agw-"
  end

  test "without a socket for the channel, frames come over the page's own connection" do
    device = open_device()
    {:ok, view, html} = live(visit(%{"role" => "admin"}), "/admin/gpu")
    assert html =~ ~s(data-feed="events")
    render_hook(view, "amdgpu:feed", %{"rate" => 60})
    frames = for _ <- 1..16, do: next_frame(view)
    assert Enum.any?(List.last(frames).devices, &(&1.name == device.properties.name))

    # No more are under way than the browser has acknowledged.
    refute_receive {_, {:push_event, "amdgpu:frame", _}}, 200
    render_hook(view, "amdgpu:ack", %{"frames" => 8})
    for _ <- 1..8, do: next_frame(view)

    # A hidden tab.
    render_hook(view, "amdgpu:feed", %{"rate" => 0})
    eventually(fn -> AMDGPUWeb.Feed.stats().subscribers == 0 end)
  end

  test "a second dashboard has its own panels and rate" do
    {:ok, view, html} = live(visit(%{"role" => "admin"}), "/admin/narrow")
    assert html =~ ~s(data-panel="charts")
    refute html =~ ~s(data-panel="timeline")
    assert html =~ ~s(data-rate="10")
    refute html =~ "Kernel bench"
    device = open_device()
    launch(device, "narrow")
    eventually(fn -> has_element?(view, "#kernels th", "narrow") end)
    assert visit(%{"role" => "admin"}) |> get("/admin/gpu/bench") |> redirected_to() == "/sorry"

    assert :error = Phoenix.Router.route_info(SecondApp.Router, "GET", "/admin/narrow/bench", "")
  end

  test "the bench has a hook of its own" do
    assert {:error, {:redirect, %{to: "/sorry"}}} =
             live(visit(%{"role" => "admin"}), "/admin/gpu/bench")

    assert {:ok, _, html} = live(visit(%{"role" => "admin", "bench" => true}), "/admin/gpu/bench")
    assert html =~ "saxpy"
  end

  test "a bench without a hook, and options that are none, are refused when the router is compiled" do
    for {options, words} <- [
          {[kernel_bench: true], "kernel_bench_on_mount"},
          {[kernel_bench: true, kernel_bench_on_mount: []], "kernel_bench_on_mount"},
          {[panels: ["everything"]], "panels"},
          {[rate: 59], "rate"}
        ] do
      assert_raise ArgumentError, ~r/#{words}/, fn ->
        AMDGPUWeb.Router.__place__("/x", options)
      end
    end
  end
end
