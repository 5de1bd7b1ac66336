defmodule AMDGPUWeb.GPUMonitorLive.Components do
  @moduledoc false
  # The parts of the dashboard that the server renders. Names come from kernels and processes: HEEx escapes
  # them, and there is no raw/1.

  use AMDGPUWeb, :html

  attr :name, :string, required: true

  @doc "A place for a panel that the browser draws."
  def panel(assigns) do
    ~H"""
    <div
      id={"amdgpu-panel-" <> @name}
      class={"agw-panel agw-panel-" <> @name}
      phx-hook="AmdgpuPanel"
      phx-update="ignore"
      data-panel={@name}
    >
    </div>
    """
  end

  attr :devices, :any, required: true
  attr :empty, :boolean, required: true

  def devices(assigns) do
    ~H"""
    <section aria-label="Devices">
      <p :if={@empty} class="ag-note">
        No device is open in this VM yet. <code>AMDGPU.open()</code> opens one.
      </p>
      <div id="devices" class="agw-devices" phx-update="stream">
        <article :for={{id, device} <- @devices} id={id} class="ag-card agw-device">
          <h2 class="ag-card-title">
            <%= device.name %>
            <span class={["ag-pill", if(device.worker_pid > 0, do: "ag-ok", else: "ag-bad")]}>
              <%= if device.worker_pid > 0, do: "running", else: "no worker" %>
            </span>
          </h2>
          <dl>
            <div><dt>Device</dt><dd><%= device.label %></dd></div>
            <div><dt>Driver</dt><dd><%= driver(device.kind) %></dd></div>
            <div><dt>Architecture</dt><dd><%= device.arch %></dd></div>
            <div><dt>Compute units</dt><dd><%= device.compute_units %></dd></div>
            <div :if={device.pci_address != ""}><dt>PCI</dt><dd><%= device.pci_address %></dd></div>
            <div>
              <dt>Worker</dt>
              <dd><%= if device.worker_pid > 0, do: "process #{device.worker_pid}, since #{time(device.worker_since)}", else: "none" %></dd>
            </div>
            <div><dt>Restarts</dt><dd class={device.restarts > 0 && "agw-warn"}><%= device.restarts %></dd></div>
            <div><dt>Memory</dt><dd><%= bytes(device.used) %> of <%= bytes(device.reserved) %></dd></div>
            <div><dt>Fragmentation</dt><dd><%= percent(device.fragmentation) %></dd></div>
            <div :if={device.power}><dt>Power</dt><dd><%= device.power %> W</dd></div>
            <div :if={device.temperature}><dt>Hottest</dt><dd><%= device.temperature %> °C</dd></div>
            <div><dt>Launches</dt><dd><%= count(device.launches) %></dd></div>
          </dl>
        </article>
      </div>
    </section>
    """
  end

  attr :kernels, :any, required: true
  attr :by, :string, required: true
  attr :descending, :boolean, required: true
  attr :text, :string, required: true
  attr :empty, :boolean, required: true
  attr :labels, :map, required: true

  def kernels(assigns) do
    ~H"""
    <section class="ag-card agw-table-card" aria-labelledby="kernels-title">
      <div class="agw-table-head">
        <h2 id="kernels-title" class="ag-card-title">Kernels</h2>
        <form id="kernel-filter" phx-change="filter" phx-submit="filter">
          <label class="agw-hidden" for="kernel-filter-text">Filter by name</label>
          <input
            id="kernel-filter-text"
            class="ag-input"
            type="search"
            name="filter"
            value={@text}
            placeholder="Filter"
            phx-debounce="150"
            autocomplete="off"
          />
        </form>
      </div>
      <div class="agw-scroll" tabindex="0" role="group" aria-label="Table of kernels">
        <table class="ag-table">
          <thead>
            <tr>
              <.column column="name" by={@by} descending={@descending} title="Kernel" />
              <th scope="col">Device</th>
              <th scope="col">Core</th>
              <.column column="launches" by={@by} descending={@descending} title="Launches" number />
              <.column column="p50" by={@by} descending={@descending} title="p50" number />
              <.column column="p99" by={@by} descending={@descending} title="p99" number />
              <.column column="bandwidth" by={@by} descending={@descending} title="Rate" number />
              <.column column="share" by={@by} descending={@descending} title="Share of time" number />
            </tr>
          </thead>
          <tbody id="kernels" phx-update="stream">
            <tr :for={{id, kernel} <- @kernels} id={id}>
              <th scope="row" class="agw-name"><%= kernel.name %></th>
              <td><%= Map.get(@labels, kernel.device, kernel.device) %></td>
              <td><%= kernel.core_class %></td>
              <td class="ag-num">
                <%= count(kernel.launches) %><span :if={kernel.failed > 0} class="agw-warn"> (<%= kernel.failed %> failed)</span>
              </td>
              <td class="ag-num"><%= duration(kernel.p50_ns) %></td>
              <td class="ag-num"><%= duration(kernel.p99_ns) %></td>
              <td class="ag-num"><%= giga(kernel.bytes, kernel.busy_ns, "B/s") %></td>
              <td class="ag-num"><%= percent(kernel.share) %></td>
            </tr>
          </tbody>
        </table>
      </div>
      <p :if={@empty} class="ag-note">Nothing has been launched yet.</p>
    </section>
    """
  end

  attr :column, :string, required: true
  attr :by, :string, required: true
  attr :descending, :boolean, required: true
  attr :title, :string, required: true
  attr :number, :boolean, default: false

  defp column(assigns) do
    ~H"""
    <th
      scope="col"
      class={@number && "ag-num"}
      aria-sort={@column == @by && if(@descending, do: "descending", else: "ascending")}
    >
      <button type="button" class="agw-sort" phx-click="sort" phx-value-by={@column}>
        <%= @title %><span :if={@column == @by} aria-hidden="true"><%= if @descending, do: " ▾", else: " ▴" %></span>
      </button>
    </th>
    """
  end

  attr :owners, :any, required: true
  attr :empty, :boolean, required: true

  def owners(assigns) do
    ~H"""
    <section class="ag-card agw-table-card agw-owners-card" aria-labelledby="owners-title">
      <h2 id="owners-title" class="ag-card-title">Owners</h2>
      <div class="agw-scroll" tabindex="0" role="group" aria-label="Table of owners">
        <table class="ag-table">
          <thead>
            <tr>
              <th scope="col">Process</th>
              <th scope="col">Name</th>
              <th scope="col" class="ag-num">Memory</th>
              <th scope="col" class="ag-num">Buffers</th>
              <th scope="col" class="ag-num">Launches seen</th>
            </tr>
          </thead>
          <tbody id="owners" phx-update="stream">
            <tr :for={{id, owner} <- @owners} id={id}>
              <th scope="row" class="agw-name"><%= owner.process %></th>
              <td class="agw-name">
                <%= owner.name %><span :if={owner.ended} class="ag-pill ag-muted">ended</span>
              </td>
              <td class="ag-num"><%= bytes(owner.bytes) %></td>
              <td class="ag-num"><%= count(owner.buffers) %></td>
              <td class="ag-num"><%= count(owner.launches) %></td>
            </tr>
          </tbody>
        </table>
      </div>
      <p :if={@empty} class="ag-note">No process has launched or allocated anything yet.</p>
    </section>
    """
  end

  attr :compiles, :any, required: true
  attr :empty, :boolean, required: true
  attr :labels, :map, required: true

  def compiles(assigns) do
    ~H"""
    <section class="ag-card agw-table-card agw-compiles-card" aria-labelledby="compiles-title">
      <h2 id="compiles-title" class="ag-card-title">Compiles</h2>
      <div class="agw-scroll" tabindex="0" role="group" aria-label="Table of compiles">
        <table class="ag-table">
          <thead>
            <tr>
              <th scope="col">UTC</th>
              <th scope="col">Kernel</th>
              <th scope="col">Device</th>
              <th scope="col">From</th>
              <th scope="col" class="ag-num">Took</th>
              <th scope="col">Result</th>
            </tr>
          </thead>
          <tbody id="compiles" phx-update="stream">
            <tr :for={{id, compile} <- @compiles} id={id}>
              <td><%= time(compile.at) %></td>
              <th scope="row" class="agw-name"><%= compile.kernel %></th>
              <td><%= Map.get(@labels, compile.device, "") %></td>
              <td><%= compile.origin %><%= if compile.specialisation, do: ", for a block shape" %></td>
              <td class="ag-num"><%= duration(compile.duration_ns) %></td>
              <td>
                <span :if={not compile.failed} class="ag-pill ag-ok">ok</span>
                <details :if={compile.failed}>
                  <summary><span class="ag-pill ag-bad">failed</span></summary>
                  <pre class="agw-why"><%= compile.message %></pre>
                </details>
              </td>
            </tr>
          </tbody>
        </table>
      </div>
      <p :if={@empty} class="ag-note">Nothing has been compiled while this page was open.</p>
    </section>
    """
  end

  attr :events, :any, required: true
  attr :empty, :boolean, required: true
  attr :labels, :map, required: true

  def events(assigns) do
    ~H"""
    <section class="ag-card agw-events-card" aria-labelledby="events-title">
      <h2 id="events-title" class="ag-card-title">Events</h2>
      <ol id="events" class="agw-events" phx-update="stream">
        <li :for={{id, event} <- @events} id={id}>
          <time><%= time(event.at) %></time>
          <span class={["ag-pill", severity(event.kind)]}><%= words(event.kind) %></span>
          <span><%= Map.get(@labels, event.device, "device #{event.device}") %></span>
          <span class="agw-message"><%= event.message %><%= if event.bytes > 0, do: " " <> bytes(event.bytes) %></span>
        </li>
      </ol>
      <p :if={@empty} class="ag-note">Nothing has happened to a device while this page was open.</p>
    </section>
    """
  end

  defp driver("host"), do: "host CPU"
  defp driver("hip"), do: "HIP"
  defp driver("cuda"), do: "CUDA"
  defp driver(other), do: other

  defp severity(kind) when kind in [:device_lost, :out_of_memory], do: "ag-bad"
  defp severity(kind) when kind in [:device_restarted, :probe_slowed], do: "ag-warn"
  defp severity(_kind), do: "ag-muted"

  defp words(nil), do: "event"
  defp words(kind), do: kind |> Atom.to_string() |> String.replace("_", " ")
end
