defmodule AMDGPUWeb.KernelBenchLive do
  @moduledoc """
  Edit a kernel's source, compile it - what the compiler says is shown at the lines -, choose sizes, run it
  on any device, and see time, bandwidth, occupancy and registers.

  Off unless `kernel_bench: true`, since it runs its users' code: in the sandbox of the compiler and in a
  worker of the page's own, within `AMDGPUWeb.KernelBench.Limits`. Who may is decided by the hooks of
  `kernel_bench_on_mount:`; one of them may assign `:amdgpu_user`, by which the limits are kept, else it is
  the client's address.
  """

  use AMDGPUWeb, :live_view

  alias AMDGPU.{CompileError, Diagnostic}
  alias AMDGPUWeb.KernelBench.{Arguments, Limits, Runner}

  @source """
  extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
  }
  """
  @elements 1_048_576

  @impl true
  def mount(_params, %{"amdgpu" => place} = session, socket) do
    devices =
      for %{id: {kind, index}, name: name} <- AMDGPU.devices(), do: {"#{kind}:#{index}", name}

    {:ok,
     assign(socket,
       amdgpu: place,
       page: :bench,
       page_title: "AMDGPU kernel bench",
       user: socket.assigns[:amdgpu_user] || session["amdgpu_client"],
       devices: devices,
       device: devices |> List.first() |> elem(0),
       source: @source,
       name: "saxpy",
       grid: "4096",
       block: "256",
       arguments: %{},
       info: nil,
       compiled: nil,
       diagnostics: [],
       problem: nil,
       result: nil,
       busy: nil,
       runner: nil
     )}
  end

  @impl true
  def handle_event("edit", params, socket), do: {:noreply, edit(socket, params)}

  def handle_event("compile", params, socket) do
    socket = edit(socket, params)
    %{source: source, name: name, device: device, user: user} = socket.assigns

    cond do
      socket.assigns.busy ->
        {:noreply, socket}

      byte_size(source) > Limits.all().source_bytes ->
        {:noreply, fail(socket, "the source is longer than #{Limits.all().source_bytes} bytes")}

      true ->
        socket = runner(socket)
        %{runner: runner} = socket.assigns
        selector = selector(device)
        compile = fn -> Runner.compile(runner, selector, source, name) end
        {:noreply, start(socket, :compile, fn -> Limits.within(user, :compile, compile) end)}
    end
  end

  def handle_event("run", params, socket) do
    socket = edit(socket, params)
    %{arguments: form, user: user, runner: runner} = socket.assigns

    with nil <- socket.assigns.busy,
         true <- socket.assigns.info != nil || {:error, "compile it first"},
         {:ok, grid} <- shape(socket.assigns.grid, "grid"),
         {:ok, block} <- shape(socket.assigns.block, "block") do
      run = fn -> Runner.run(runner, grid, block, form) end
      {:noreply, start(socket, :run, fn -> Limits.within(user, :run, run) end)}
    else
      {:error, why} -> {:noreply, fail(socket, why)}
      _busy -> {:noreply, socket}
    end
  end

  def handle_event("goto", %{"line" => line, "column" => column}, socket) do
    with {line, ""} <- Integer.parse(line), {column, ""} <- Integer.parse(column) do
      {:noreply, push_event(socket, "amdgpu:goto", %{line: line, column: column})}
    else
      _ -> {:noreply, socket}
    end
  end

  def handle_event(_event, _payload, socket), do: {:noreply, socket}

  @impl true
  def handle_async(:compile, {:ok, {:ok, info}}, socket) do
    defaults = Arguments.defaults(info.params, @elements)
    kept = Map.take(socket.assigns.arguments, Map.keys(defaults))

    {:noreply,
     assign(socket,
       busy: nil,
       info: info,
       compiled: {socket.assigns.device, socket.assigns.source, socket.assigns.name},
       diagnostics: info.warnings,
       arguments: Map.merge(defaults, kept)
     )}
  end

  def handle_async(:compile, {:ok, {:error, %CompileError{} = error}}, socket) do
    problem = if error.diagnostics == [], do: Exception.message(error)
    {:noreply, assign(socket, busy: nil, diagnostics: error.diagnostics, problem: problem)}
  end

  def handle_async(:run, {:ok, {:ok, result}}, socket),
    do: {:noreply, assign(socket, busy: nil, result: result, info: result.info)}

  def handle_async(_name, {:ok, {:error, error}}, socket),
    do: {:noreply, socket |> assign(busy: nil) |> fail(error)}

  def handle_async(_name, {:exit, _reason}, socket),
    do: {:noreply, socket |> assign(busy: nil, runner: nil, info: nil) |> fail("it was ended")}

  defp fail(socket, %{__exception__: true} = error), do: fail(socket, Exception.message(error))
  defp fail(socket, why), do: assign(socket, problem: why)

  defp start(socket, :compile, job) do
    socket
    |> assign(busy: :compile, info: nil, diagnostics: [], problem: nil, result: nil)
    |> start_async(:compile, job)
  end

  defp start(socket, :run, job),
    do: socket |> assign(busy: :run, problem: nil, result: nil) |> start_async(:run, job)

  # Started when something is done with it: who only looks costs nothing.
  defp runner(%{assigns: %{runner: nil}} = socket) do
    {:ok, runner} = Runner.start_link()
    assign(socket, runner: runner)
  end

  defp runner(socket), do: socket

  defp edit(socket, params) do
    texts =
      for key <- [:source, :name, :grid, :block],
          text = params[Atom.to_string(key)],
          is_binary(text),
          do: {key, text}

    socket = assign(socket, texts)
    names = Enum.map(socket.assigns.devices, &elem(&1, 0))

    socket =
      if params["device"] in names, do: assign(socket, device: params["device"]), else: socket

    arguments =
      for {name, %{} = form} <- Map.get(params, "argument", %{}),
          is_map_key(socket.assigns.arguments, name),
          into: socket.assigns.arguments,
          do: {name, form}

    socket = assign(socket, arguments: arguments)
    %{device: device, source: source, name: name} = socket.assigns

    # What is in the editor is not what was compiled any more.
    if socket.assigns.info != nil and socket.assigns.compiled != {device, source, name},
      do: assign(socket, info: nil, result: nil),
      else: socket
  end

  defp selector(device) do
    [kind, index] = String.split(device, ":")
    {String.to_existing_atom(kind), String.to_integer(index)}
  end

  # "256", "16x16", "8 8 4".
  defp shape(text, what) do
    numbers = text |> String.split(~r/[\sx×,]+/, trim: true) |> Enum.map(&Integer.parse/1)

    case for({n, ""} when n in 1..0x7FFFFFFF <- numbers, do: n) do
      [x] when length(numbers) == 1 -> {:ok, x}
      [x, y] when length(numbers) == 2 -> {:ok, {x, y}}
      [x, y, z] when length(numbers) == 3 -> {:ok, {x, y, z}}
      _ -> {:error, "#{what}: expected one to three numbers, as 256 or 16x16"}
    end
  end

  defp lines(source), do: source |> String.split("\n") |> length()

  defp marks(diagnostics) do
    diagnostics
    |> Enum.filter(&(&1.line > 0 and &1.source_line != ""))
    |> Enum.group_by(& &1.line)
  end

  defp mark(nil), do: nil

  defp mark(diagnostics),
    do:
      if(Enum.any?(diagnostics, &(&1.severity in [:error, :fatal])),
        do: "agw-error",
        else: "agw-warning"
      )

  @impl true
  def render(assigns) do
    assigns = assign(assigns, marks: marks(assigns.diagnostics), lines: lines(assigns.source))

    ~H"""
    <form id="bench" phx-change="edit" phx-submit="compile" class="agw-bench">
      <section class="ag-card agw-editor-card" aria-label="Source">
        <div class="agw-table-head">
          <label>Kernel <input class="ag-input" name="name" value={@name} autocomplete="off" spellcheck="false" /></label>
          <label>
            Device
            <select class="ag-input" name="device">
              <option :for={{id, name} <- @devices} value={id} selected={id == @device}><%= id %> <%= name %></option>
            </select>
          </label>
          <button class="ag-button" type="submit" disabled={@busy != nil}>
            <%= if @busy == :compile, do: "Compiling…", else: "Compile" %>
          </button>
        </div>
        <div class="agw-editor" id="bench-editor" phx-hook="AmdgpuSource">
          <ol class="agw-gutter" aria-hidden="true">
            <li
              :for={line <- 1..@lines}
              class={mark(@marks[line])}
              title={@marks[line] && Enum.map_join(@marks[line], "\n", & &1.message)}
            >
              <%= line %>
            </li>
          </ol>
          <textarea
            id="bench-source"
            name="source"
            aria-label="HIP source"
            rows={@lines + 1}
            spellcheck="false"
            autocapitalize="off"
            autocomplete="off"
            wrap="off"
            phx-debounce="300"
          ><%= Phoenix.HTML.Form.normalize_value("textarea", @source) %></textarea>
        </div>
        <ul :if={@diagnostics != []} class="agw-diagnostics" aria-label="What the compiler says">
          <li :for={one <- @diagnostics} class={"agw-" <> severity(one)}>
            <button
              type="button"
              class="agw-place"
              phx-click="goto"
              phx-value-line={one.line}
              phx-value-column={one.column}
            >
              <%= one.line %>:<%= one.column %>
            </button>
            <pre><%= Diagnostic.format(one) %></pre>
          </li>
        </ul>
        <p :if={@problem} class="ag-note" role="alert"><%= @problem %></p>
      </section>

      <section :if={@info} class="ag-card" aria-labelledby="bench-run-title">
        <h2 id="bench-run-title" class="ag-card-title">Run <%= @info.name %></h2>
        <div class="agw-fields">
          <label>Grid <input class="ag-input" name="grid" value={@grid} autocomplete="off" /></label>
          <label>Block <input class="ag-input" name="block" value={@block} autocomplete="off" /></label>
        </div>
        <div class="agw-scroll" tabindex="0" role="group" aria-label="Arguments">
          <table class="ag-table">
            <thead>
              <tr><th scope="col">Parameter</th><th scope="col">Type</th><th scope="col">Argument</th></tr>
            </thead>
            <tbody>
              <tr :for={param <- @info.params}>
                <th scope="row" class="agw-name"><%= param.name %></th>
                <td class="agw-name"><%= param.type %></td>
                <td><.argument param={param} form={Map.get(@arguments, param.name, %{})} /></td>
              </tr>
            </tbody>
          </table>
        </div>
        <button class="ag-button" type="button" phx-click="run" disabled={@busy != nil}>
          <%= if @busy == :run, do: "Running…", else: "Run" %>
        </button>
      </section>

      <.code :if={@info} info={@info} />
    </form>

    <section :if={@result} class="ag-card" aria-labelledby="bench-result-title" aria-live="polite">
      <h2 id="bench-result-title" class="ag-card-title">Result</h2>
      <dl class="agw-result">
        <div><dt>Time, median of <%= @result.runs %></dt><dd><%= duration(@result.median_ns) %></dd></div>
        <div><dt>Best</dt><dd><%= duration(@result.best_ns) %></dd></div>
        <div><dt>Bandwidth, each buffer once</dt><dd><%= giga(@result.bytes, @result.median_ns, "B/s") %></dd></div>
        <div><dt>Occupancy, in theory</dt><dd><%= percent(@result.occupancy) %></dd></div>
      </dl>
      <div :for={{name, values} <- @result.shown} class="agw-values">
        <h3><%= name %>, after the first run</h3>
        <code><%= Enum.map_join(values, "  ", &to_string/1) %> …</code>
      </div>
    </section>
    """
  end

  attr :info, :map, required: true

  # What the compiler made of it. What a device does not tell is not a zero.
  defp code(assigns) do
    ~H"""
    <section id="bench-code" class="ag-card" aria-labelledby="bench-code-title">
      <h2 id="bench-code-title" class="ag-card-title">Generated code</h2>
      <dl class="agw-result">
        <div><dt>For</dt><dd><%= @info.arch %></dd></div>
        <div><dt>Code</dt><dd><%= bytes(@info.code_bytes) %></dd></div>
        <div><dt>Registers a thread</dt><dd><%= told(@info, to_string(@info.registers)) %></dd></div>
        <div><dt>Spilled and local, a thread</dt><dd><%= told(@info, bytes(@info.local_bytes)) %></dd></div>
        <div>
          <dt>Shared memory a block</dt>
          <dd><%= bytes(@info.static_shared_bytes) %><%= if @info.uses_dynamic_shared, do: " and what the launch asks for" %></dd>
        </div>
        <div><dt>Threads a block, at most</dt><dd><%= count(@info.max_threads_per_block) %></dd></div>
        <div :if={@info.kind == :host}>
          <dt>With code of their own</dt>
          <dd><%= if @info.specialised_shapes == [], do: "no block shape yet", else: Enum.map_join(@info.specialised_shapes, ", ", &shape_text/1) %></dd>
        </div>
      </dl>
      <p :if={@info.kind == :host} class="ag-note">
        A CPU's vector registers hold the values of many threads at once: there is no number for one.
      </p>
    </section>
    """
  end

  defp told(%{registers: 0, kind: :host}, _text), do: "none: vectorised"
  defp told(%{registers: 0}, _text), do: "not told by this device"
  defp told(_info, text), do: text

  defp shape_text({x, 1, 1}), do: "#{x}"
  defp shape_text({x, y, 1}), do: "#{x}×#{y}"
  defp shape_text({x, y, z}), do: "#{x}×#{y}×#{z}"

  attr :param, :map, required: true
  attr :form, :map, required: true

  defp argument(%{param: %{kind: :pointer}} = assigns) do
    ~H"""
    <input
      class="ag-input"
      name={"argument[#{@param.name}][elements]"}
      value={@form["elements"]}
      inputmode="numeric"
      aria-label={"elements of #{@param.name}"}
    /> elements,
    <select class="ag-input" name={"argument[#{@param.name}][fill]"} aria-label={"contents of #{@param.name}"}>
      <option :for={fill <- Arguments.fills()} value={fill} selected={fill == @form["fill"]}><%= fill %></option>
    </select>
    """
  end

  defp argument(%{param: %{kind: :scalar}} = assigns) do
    ~H"""
    <input
      class="ag-input"
      name={"argument[#{@param.name}][value]"}
      value={@form["value"]}
      aria-label={"value of #{@param.name}"}
    />
    """
  end

  defp argument(assigns) do
    ~H"""
    <%= if @param.kind == :aggregate, do: "zeros", else: "cannot be given here" %>
    """
  end

  defp severity(%{severity: severity}) when severity in [:error, :fatal], do: "error"
  defp severity(%{severity: severity}), do: Atom.to_string(severity)
end
