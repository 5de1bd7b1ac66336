defmodule AMDGPUWeb.GPUMonitorLive do
  @moduledoc """
  The dashboard. What changes 60 times a second goes past this process to the browser, over the channel
  (`AMDGPUWeb.GPUTelemetryChannel`), or, where the endpoint has no socket for it, encoded through the page's
  connection. What changes seldom - devices, kernels, owners, compiles, events - is rendered here, from
  `AMDGPUWeb.Digest`.

  A hidden tab says so, and gets neither.
  """

  use AMDGPUWeb, :live_view

  alias AMDGPU.Telemetry
  alias AMDGPUWeb.{Assets, Digest, Feed, UserSocket}
  alias AMDGPUWeb.GPUMonitorLive.{Components, Kernels, Recorder}

  # Frames under way that the browser has not acknowledged.
  @credit 16
  @kept 50

  @impl true
  def mount(_params, %{"amdgpu" => place}, socket) do
    socket =
      socket
      |> assign(
        amdgpu: place,
        page: :monitor,
        page_title: "AMDGPU",
        token: if(place.socket_path, do: UserSocket.token(socket)),
        hooks?: Assets.hooks?(),
        recorder?: Recorder.directory() != nil,
        viewer: nil,
        version: 0,
        replay?: false,
        problem: nil,
        flags: nil,
        options: nil,
        view: Kernels.new(),
        shown: [],
        labels: %{},
        known: %{
          devices: MapSet.new(),
          owners: MapSet.new(),
          compiles: MapSet.new(),
          events: MapSet.new()
        }
      )
      |> streams()

    if connected?(socket) and Recorder.directory() != nil, do: Recorder.look_later()
    {:ok, if(connected?(socket), do: watch(socket), else: socket)}
  end

  @impl true
  def handle_event("amdgpu:feed", %{"rate" => rate}, socket) when rate in [0, 1, 10, 30, 60] do
    socket = if socket.assigns.amdgpu.socket_path, do: socket, else: feed(socket, rate)
    {:noreply, if(rate == 0, do: unwatch(socket), else: watch(socket))}
  end

  def handle_event("amdgpu:ack", %{"frames" => frames}, socket)
      when is_integer(frames) and frames > 0 do
    if socket.assigns.flags, do: Feed.ack(socket.assigns.flags, socket.assigns.options, frames)
    {:noreply, socket}
  end

  def handle_event("sort", %{"by" => by}, socket),
    do: {:noreply, socket |> update(:view, &Kernels.sort(&1, by)) |> show_kernels([])}

  def handle_event("filter", %{"filter" => text}, socket),
    do: {:noreply, socket |> update(:view, &Kernels.filter(&1, text)) |> show_kernels([])}

  # A browser may send anything.
  def handle_event(_event, _payload, socket), do: {:noreply, socket}

  @impl true
  def handle_info({Digest, :changed}, %{assigns: %{viewer: nil}} = socket), do: {:noreply, socket}
  def handle_info({Digest, :changed}, socket), do: {:noreply, catch_up(socket)}

  def handle_info({Recorder, :look}, socket) do
    # A hidden tab's recorder is of no interest.
    if socket.assigns.viewer, do: send_update(Recorder, id: "recorder")
    Recorder.look_later()
    {:noreply, socket}
  end

  def handle_info(Feed = message, socket), do: {:noreply, show_frame(message, socket)}
  def handle_info({Feed, _} = message, socket), do: {:noreply, show_frame(message, socket)}

  def handle_info(_other, socket), do: {:noreply, socket}

  defp show_frame(message, socket) do
    message
    |> Feed.take()
    |> Enum.reduce(socket, fn {:binary, frame}, socket ->
      push_event(socket, "amdgpu:frame", %{frame: Base.encode64(frame)})
    end)
  end

  defp watch(%{assigns: %{viewer: nil}} = socket) do
    case Digest.watch() do
      {:ok, viewer} -> socket |> assign(viewer: viewer, problem: nil) |> catch_up()
      {:error, error} -> assign(socket, problem: Exception.message(error))
    end
  end

  defp watch(socket), do: socket

  # What it has stays on the page; it goes on from there.
  defp unwatch(%{assigns: %{viewer: nil}} = socket), do: socket

  defp unwatch(socket) do
    Digest.unwatch()
    assign(socket, viewer: nil)
  end

  defp feed(socket, 0) do
    Feed.unsubscribe()
    assign(socket, flags: nil)
  end

  defp feed(socket, rate) do
    options = %Feed.Options{
      rate: min(rate, socket.assigns.amdgpu.rate),
      encoding: :raw,
      credit: @credit,
      launch_events: false
    }

    case Feed.subscribe(options, {:signal, self()}) do
      {:ok, flags} -> assign(socket, flags: flags, options: options)
      {:error, error} -> assign(socket, problem: Exception.message(error))
    end
  end

  defp streams(socket) do
    Enum.reduce([:devices, :kernels, :owners, :compiles, :events], socket, fn name, socket ->
      stream(socket, name, [])
    end)
  end

  defp catch_up(socket) do
    {version, changes} = Digest.changes(socket.assigns.viewer, socket.assigns.version)

    socket
    |> assign(version: version)
    |> remove(changes.gone)
    |> put_devices(changes.devices)
    |> put_all(:owners, Enum.sort_by(changes.owners, & &1.id))
    |> put_newest(:compiles, changes.compiles)
    |> put_newest(:events, changes.events)
    |> update(:view, &Kernels.put(&1, changes.kernels, gone(changes, :kernels)))
    |> show_kernels(changes.kernels)
    |> say_replay()
  end

  # The frames themselves are those that were recorded.
  defp say_replay(socket) do
    replay? = Telemetry.replaying() != nil

    if replay? == socket.assigns.replay? do
      socket
    else
      socket
      |> assign(replay?: replay?)
      |> push_event("amdgpu:status", %{state: if(replay?, do: "replay", else: "live")})
    end
  end

  defp gone(changes, kind), do: for({^kind, id} <- changes.gone, do: id)

  defp remove(socket, gone) do
    Enum.reduce(gone, socket, fn
      {:kernels, _id}, socket ->
        socket

      {kind, id}, socket when kind in [:devices, :owners] ->
        socket
        |> stream_delete_by_dom_id(kind, "#{kind}-#{id}")
        |> update(:known, fn known -> Map.update!(known, kind, &MapSet.delete(&1, id)) end)

      {_kind, _old}, socket ->
        socket
    end)
  end

  defp put_devices(socket, devices) do
    socket
    |> update(:labels, &Map.merge(&1, Map.new(devices, fn d -> {d.id, d.label} end)))
    |> put_all(:devices, Enum.sort_by(devices, & &1.id))
  end

  defp put_all(socket, _kind, []), do: socket

  defp put_all(socket, kind, items) do
    items
    |> Enum.reduce(socket, &stream_insert(&2, kind, &1))
    |> know(kind, items)
  end

  defp put_newest(socket, _kind, []), do: socket

  defp put_newest(socket, kind, items) do
    items
    |> Enum.sort_by(& &1.at)
    |> Enum.take(-@kept)
    |> Enum.reduce(socket, &stream_insert(&2, kind, &1, at: 0, limit: @kept))
    |> know(kind, items)
  end

  # Of compiles and events it is enough to know that there was one.
  defp know(socket, kind, items) when kind in [:compiles, :events],
    do: update(socket, :known, &Map.put(&1, kind, MapSet.new([hd(items).id])))

  defp know(socket, kind, items) do
    ids = MapSet.new(items, & &1.id)
    update(socket, :known, fn known -> Map.update!(known, kind, &MapSet.union(&1, ids)) end)
  end

  defp empty?(known, kind), do: Enum.empty?(known[kind])

  # While the order stays, the rows that changed are sent; when it changes, all.
  defp show_kernels(socket, changed) do
    rows = Kernels.rows(socket.assigns.view)
    order = Enum.map(rows, & &1.id)

    if order == socket.assigns.shown do
      changed = MapSet.new(changed, & &1.id)

      rows
      |> Enum.filter(&(&1.id in changed))
      |> Enum.reduce(socket, &stream_insert(&2, :kernels, &1))
    else
      socket |> assign(shown: order) |> stream(:kernels, rows, reset: true)
    end
  end

  @impl true
  def render(assigns) do
    ~H"""
    <p :if={@problem} class="ag-note" role="alert"><%= @problem %></p>
    <p :if={not @hooks?} class="ag-note" role="status">
      The charts are not built: npm was not there when this was compiled. The tables are live all the same.
    </p>
    <div
      id="amdgpu-feed"
      phx-hook="AmdgpuFeed"
      phx-update="ignore"
      hidden
      data-feed={if @amdgpu.socket_path, do: "channel", else: "events"}
      data-socket={@amdgpu.socket_path}
      data-token={@token}
      data-rate={@amdgpu.rate}
    >
    </div>
    <span :if={@amdgpu.socket_path} id="amdgpu-visible" phx-hook="AmdgpuVisible" hidden></span>
    <Components.panel :if={"toolbar" in @amdgpu.panels} name="toolbar" />
    <.live_component :if={@recorder?} module={Recorder} id="recorder" />
    <Components.devices devices={@streams.devices} empty={empty?(@known, :devices)} />
    <Components.panel :for={name <- @amdgpu.panels -- ["toolbar", "alerts"]} name={name} />
    <Components.kernels
      kernels={@streams.kernels}
      by={@view.by}
      descending={@view.descending}
      text={@view.text}
      empty={@view.kernels == %{}}
      labels={@labels}
    />
    <Components.owners owners={@streams.owners} empty={empty?(@known, :owners)} />
    <Components.panel :if={"alerts" in @amdgpu.panels} name="alerts" />
    <Components.compiles compiles={@streams.compiles} empty={empty?(@known, :compiles)} labels={@labels} />
    <Components.events events={@streams.events} empty={empty?(@known, :events)} labels={@labels} />
    """
  end
end
