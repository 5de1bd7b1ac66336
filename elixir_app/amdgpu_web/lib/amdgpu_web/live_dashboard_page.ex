# Only where Phoenix LiveDashboard is.
if Code.ensure_loaded?(Phoenix.LiveDashboard.PageBuilder) do
  defmodule AMDGPUWeb.LiveDashboardPage do
    @moduledoc """
    Devices, memory and kernels as a page of Phoenix LiveDashboard:

        live_dashboard "/dashboard", additional_pages: [amdgpu: AMDGPUWeb.LiveDashboardPage]
    """

    use Phoenix.LiveDashboard.PageBuilder
    import AMDGPUWeb.Format

    alias AMDGPUWeb.Digest

    @impl true
    def menu_link(_session, _capabilities), do: {:ok, "AMDGPU"}

    @impl true
    def mount(_params, _session, socket) do
      viewer =
        with true <- Phoenix.LiveView.connected?(socket), {:ok, viewer} <- Digest.watch() do
          viewer
        else
          _ -> nil
        end

      {:ok, Phoenix.Component.assign(socket, viewer: viewer, version: 0, items: %{})}
    end

    @impl true
    def handle_info({Digest, :changed}, socket), do: {:noreply, catch_up(socket)}
    def handle_info(_other, socket), do: {:noreply, socket}

    @impl true
    def handle_refresh(socket), do: {:noreply, catch_up(socket)}

    defp catch_up(%{assigns: %{viewer: nil}} = socket), do: socket

    defp catch_up(socket) do
      %{viewer: viewer, version: version, items: items} = socket.assigns
      {version, changes} = Digest.changes(viewer, version)

      items =
        for kind <- [:devices, :kernels],
            item <- changes[kind],
            into: Map.drop(items, changes.gone) do
          {{kind, item.id}, item}
        end

      Phoenix.Component.assign(socket, version: version, items: items)
    end

    @impl true
    def render(assigns) do
      devices = for {{:devices, _}, device} <- assigns.items, do: device
      assigns = Phoenix.Component.assign(assigns, :devices, Enum.sort_by(devices, & &1.id))

      ~H"""
      <.row :for={device <- @devices}>
        <:col>
          <.fields_card
            title={device.name}
            fields={[
              device: device.label,
              architecture: device.arch,
              worker: if(device.worker_pid > 0, do: device.worker_pid, else: "none"),
              restarts: device.restarts
            ]}
          />
        </:col>
        <:col>
          <.card title="Memory used"><%= bytes(device.used) %> of <%= bytes(device.reserved) %></.card>
          <.card title="Launches"><%= count(device.launches) %></.card>
        </:col>
      </.row>
      <.row :if={@devices == []}>
        <:col><.card title="Devices">No device is open in this VM.</.card></:col>
      </.row>
      <.live_table id="amdgpu-kernels" page={@page} title="Kernels" row_fetcher={&kernels(&1, &2, @items)}>
        <:col field={:name} header="Kernel" sortable={:asc} />
        <:col :let={kernel} field={:launches} header="Launches" sortable={:desc}>
          <%= count(kernel[:launches]) %>
        </:col>
        <:col :let={kernel} field={:p50_ns} header="p50" sortable={:desc}>
          <%= duration(kernel[:p50_ns]) %>
        </:col>
        <:col :let={kernel} field={:p99_ns} header="p99" sortable={:desc}>
          <%= duration(kernel[:p99_ns]) %>
        </:col>
        <:col :let={kernel} field={:busy_ns} header="Time" sortable={:desc}>
          <%= duration(kernel[:busy_ns]) %>
        </:col>
      </.live_table>
      """
    end

    defp kernels(params, _node, items) do
      %{search: search, sort_by: by, sort_dir: direction, limit: limit} = params
      search = String.downcase(search || "")

      rows =
        for {{:kernels, _}, kernel} <- items,
            String.contains?(String.downcase(kernel.name), search),
            do: Map.take(kernel, [:id, :name, :launches, :p50_ns, :p99_ns, :busy_ns])

      {rows |> Enum.sort_by(& &1[by], direction) |> Enum.take(limit), length(rows)}
    end
  end
end
