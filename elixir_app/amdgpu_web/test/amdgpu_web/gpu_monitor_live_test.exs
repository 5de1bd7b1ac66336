defmodule AMDGPUWeb.GPUMonitorLiveTest do
  use AMDGPUWeb.Case

  alias AMDGPUWeb.Digest

  defp open_page(path \\ "/") do
    {:ok, view, html} = live(local_conn(), path)
    {view, html}
  end

  test "the page comes with everything that its scripts need, and nothing inline" do
    html = local_conn() |> get("/") |> html_response(200)
    assert html =~ ~s(phx-hook="AmdgpuFeed")
    assert html =~ ~s(data-feed="channel")
    assert html =~ ~s(data-socket="/socket")

    for panel <- ~w(toolbar charts cores memory timeline alerts),
        do: assert(html =~ ~s(data-panel="#{panel}"))

    assert [_, script] = Regex.run(~r/src="(\/amdgpu-js-[^"]+)"/, html)
    refute html =~ ~r/<script(?![^>]*src=)/
    refute html =~ ~r/ style="/
    refute html =~ ~r/ on[a-z]+="/

    conn = get(local_conn(), script)
    assert response(conn, 200) =~ "LiveSocket"
    assert ["text/javascript" <> _] = Plug.Conn.get_resp_header(conn, "content-type")

    assert ["public, max-age=31536000, immutable"] =
             Plug.Conn.get_resp_header(conn, "cache-control")
  end

  test "with no device it says so; a device, its kernels and its owner appear" do
    {view, _} = open_page()
    eventually(fn -> render(view) =~ "No device is open" end)
    device = open_device()
    launch(device, "appears")
    eventually(fn -> has_element?(view, "#kernels th", "appears") end)
    html = render(view)
    assert html =~ device.properties.name
    assert has_element?(view, "#devices .ag-ok", "running")
    assert has_element?(view, "#owners th", inspect(self()) |> String.replace("#PID", ""))
    assert has_element?(view, "#compiles th", "appears")
    refute html =~ "No device is open"
  end

  test "a closed device goes, and its kernels with it" do
    {view, _} = open_page()
    device = open_device()
    launch(device, "goes")
    eventually(fn -> has_element?(view, "#kernels th", "goes") end)
    AMDGPU.close(device)
    eventually(fn -> not has_element?(view, "#kernels th", "goes") end)
    refute has_element?(view, "#devices article")
  end

  test "only what changed is sent" do
    device = open_device()
    {kernel, buffer} = launch(device, "changes")
    launch(device, "stays")
    {view, _} = open_page()
    # A frame need not tell of all kernels.
    for name <- ~w(stays changes),
        do: eventually(fn -> has_element?(view, "#kernels th", name) end)

    row = fn -> view |> element("#kernels tr", "changes") |> render() end
    before = row.()
    for _ <- 1..100, do: AMDGPU.run!(kernel, [grid: 1, block: 64], [buffer])
    eventually(fn -> row.() =~ "101" end)
    refute row.() == before
  end

  test "a worker that dies is an event, and the page goes on" do
    device = open_device()
    {view, _} = open_page()
    eventually(fn -> has_element?(view, "#devices article") end)

    bad =
      AMDGPU.Kernel.compile!(
        device,
        "__global__ void bad(int* x) { x[1 << 28] = *(int*)8; }",
        "bad"
      )

    buffer = AMDGPU.Buffer.zeros!(device, :i32, 1)
    assert {:error, %AMDGPU.KernelFault{}} = AMDGPU.run(bad, [grid: 1, block: 1], [buffer])
    eventually(fn -> has_element?(view, "#events li", "device lost") end)
    eventually(fn -> has_element?(view, "#devices dd.agw-warn", "1") end)
  end

  test "a kernel and a process called <script> are shown, not run" do
    device = open_device()
    name = ~s(<script>alert\("kernel"\)</script>)

    owner =
      spawn(fn ->
        Process.register(self(), :"<img src=x onerror=alert(1)>")
        buffer = AMDGPU.Buffer.zeros!(device, :i32, 64)
        Process.sleep(:infinity)
        buffer
      end)

    {view, _} = open_page()
    worker = AMDGPU.stats(device).worker_pid

    shown =
      eventually(fn ->
        items = :sys.get_state(Digest).items.now

        Enum.find_value(
          items,
          &(match?({{:devices, _}, %{worker_pid: ^worker}}, &1) && elem(&1, 1))
        )
      end)

    # No source can have such a name: it is put where names of kernels come from.
    kernel = %{
      id: 999,
      name: name,
      device: shown.id,
      core_class: :aura,
      launches: 1,
      failed: 0,
      busy_ns: 1,
      bytes: 0,
      p50_ns: 1,
      p99_ns: 1
    }

    :sys.replace_state(Digest, fn state ->
      put_in(state.items.now[{:kernels, 999}], kernel)
    end)

    eventually(fn -> has_element?(view, "#kernels-999") end)
    assert view |> element("#kernels-999") |> render() =~ "&lt;script&gt;alert"
    refute render(view) =~ "<script>alert"
    refute has_element?(view, "script")
    eventually(fn -> render(view) =~ "&lt;img src=x" end)
    refute render(view) =~ "<img"
    Process.exit(owner, :kill)
  end

  test "a compile that fails says why" do
    device = open_device()
    {view, _} = open_page()
    eventually(fn -> has_element?(view, "#devices article") end)

    {:error, _} =
      AMDGPU.Kernel.compile(device, "__global__ void no() { <script>alert(1)</script>; }", "no")

    eventually(fn -> has_element?(view, "#compiles summary", "failed") end)
    eventually(fn -> has_element?(view, "#compiles pre", "expected expression") end)
    refute render(view) =~ "<script>alert"
  end

  test "kernels are sorted and filtered" do
    device = open_device()
    for name <- ~w(alpha beta gamma), do: launch(device, name)
    {kernel, buffer} = launch(device, "beta")
    for _ <- 1..5, do: AMDGPU.run!(kernel, [grid: 1, block: 64], [buffer])
    {view, _} = open_page()

    for name <- ~w(alpha beta gamma),
        do: eventually(fn -> has_element?(view, "#kernels th", name) end)

    names = fn ->
      Regex.scan(~r/class="agw-name">(alpha|beta|gamma)</, render(view))
      |> Enum.map(&List.last/1)
      |> Enum.uniq()
    end

    view |> element("button[phx-value-by=name]") |> render_click()
    assert Enum.take(names.(), 3) == ~w(alpha beta gamma)
    assert has_element?(view, "th[aria-sort=ascending]", "Kernel")
    view |> element("button[phx-value-by=name]") |> render_click()
    assert Enum.take(names.(), 3) == ~w(gamma beta alpha)
    view |> element("button[phx-value-by=launches]") |> render_click()
    assert hd(names.()) == "beta"

    view |> form("#kernel-filter", filter: "GAM") |> render_change()
    assert has_element?(view, "#kernels th", "gamma")
    refute has_element?(view, "#kernels th", "alpha")
  end

  test "a hidden tab costs nothing; shown again it has what it missed" do
    device = open_device()
    {view, _} = open_page()
    eventually(fn -> has_element?(view, "#devices article") end)
    render_hook(view, "amdgpu:feed", %{"rate" => 0})
    eventually(fn -> :sys.get_state(Digest).viewers == %{} end)
    launch(device, "unseen")
    Process.sleep(150)
    refute has_element?(view, "#kernels th", "unseen")
    render_hook(view, "amdgpu:feed", %{"rate" => 60})
    eventually(fn -> has_element?(view, "#kernels th", "unseen") end)
  end

  test "whatever a browser sends, the page lives" do
    {view, _} = open_page()

    for {event, payload} <- [
          {"amdgpu:feed", %{"rate" => "fast"}},
          {"amdgpu:feed", %{}},
          {"amdgpu:ack", %{"frames" => -1}},
          {"amdgpu:ack", %{"frames" => 1_000_000}},
          {"sort", %{"by" => "nothing"}},
          {"sort", %{}},
          {"filter", %{"filter" => %{"a" => "b"}}},
          {"nonsense", %{}}
        ],
        do: render_hook(view, event, payload)

    assert render(view) =~ "Kernels"
  end

  test "who leaves is forgotten, and with the last the frames end" do
    {view, _} = open_page()
    eventually(fn -> map_size(:sys.get_state(Digest).viewers) == 1 end)
    assert Process.whereis(Digest) in AMDGPU.ProfilerHub.subscribers()
    Process.flag(:trap_exit, true)
    Process.exit(view.pid, :kill)
    eventually(fn -> :sys.get_state(Digest).viewers == %{} end)
    eventually(fn -> Process.whereis(Digest) not in AMDGPU.ProfilerHub.subscribers() end)
  end

  test "a viewer that is busy is told once, not once a change" do
    device = open_device()
    {kernel, buffer} = launch(device, "busy")
    {:ok, viewer} = Digest.watch()
    {version, _} = Digest.changes(viewer, 0)

    for _ <- 1..10 do
      AMDGPU.run!(kernel, [grid: 1, block: 64], [buffer])
      Process.sleep(60)
    end

    assert {:message_queue_len, waiting} = Process.info(self(), :message_queue_len)
    assert waiting <= 1
    assert_receive {Digest, :changed}
    {newer, changes} = Digest.changes(viewer, version)
    assert newer > version
    assert Enum.any?(changes.kernels, &(&1.name == "busy"))
    Digest.unwatch()
  end
end
