defmodule AMDGPUWeb.Router do
  @moduledoc """
  The dashboard in another application's router:

      defmodule MyAppWeb.Router do
        use Phoenix.Router
        import AMDGPUWeb.Router

        scope "/" do
          pipe_through [:browser, :admins_only]
          amdgpu_dashboard "/gpu", on_mount: [MyAppWeb.AdminAuth]
        end
      end

  Who may see it is up to that pipeline and to `on_mount:`, as with Phoenix LiveDashboard. The pages bring
  their scripts and styles along and inline none: `default-src 'self'; img-src 'self' data:` is enough of a
  Content-Security-Policy.
  """

  @monitor_panels ~w(toolbar charts cores memory timeline alerts)

  @doc """
  Mounts the dashboard at `path`.

    * `on_mount:` - hooks of the pages' live session, after ours
    * `live_socket_path:` - where the endpoint has `Phoenix.LiveView.Socket`; `"/live"` by default
    * `socket_path:` - where it has `AMDGPUWeb.UserSocket`: frames then come over its channel, which costs
      the server least. Without it they come over the page's own connection
    * `rate:` - frames a second at most: 60 (the default), 30, 10 or 1
    * `panels:` - which of #{inspect(@monitor_panels)} there are, in order
    * `kernel_bench:` - true adds the page that compiles and runs kernels; then
      `kernel_bench_on_mount:` is needed, the hooks that decide who may
    * `live_session_name:` - `:amdgpu_dashboard` by default; another for a second dashboard
    * `session:` - `{module, function, arguments}`, called with the connection first: a map that is added to
      the session of the pages
  """
  defmacro amdgpu_dashboard(path, options \\ []) do
    options =
      if Macro.quoted_literal?(options),
        do: Macro.prewalk(options, &expand_alias(&1, __CALLER__)),
        else: options

    quote bind_quoted: [path: path, options: options] do
      prefix = Phoenix.Router.scoped_path(__MODULE__, path) |> String.trim_trailing("/")
      place = AMDGPUWeb.Router.__place__(prefix, options)
      name = Keyword.get(options, :live_session_name, :amdgpu_dashboard)

      scope path, alias: false, as: false do
        import Phoenix.Router, only: [get: 4]
        import Phoenix.LiveView.Router, only: [live: 4, live_session: 3]

        get "/amdgpu-js-:hash", AMDGPUWeb.Assets, :js, as: :amdgpu_asset
        get "/amdgpu-css-:hash", AMDGPUWeb.Assets, :css, as: :amdgpu_asset

        live_session name,
                     AMDGPUWeb.Router.__live_session__(place, options[:on_mount], options) do
          live "/", AMDGPUWeb.GPUMonitorLive, :index,
            private: %{amdgpu: place},
            as: :amdgpu_monitor
        end

        if place.bench do
          hooks = Keyword.fetch!(options, :kernel_bench_on_mount)

          live_session :"#{name}_bench",
                       AMDGPUWeb.Router.__live_session__(place, hooks, options) do
            live "/bench", AMDGPUWeb.KernelBenchLive, :index,
              private: %{amdgpu: place},
              as: :amdgpu_bench
          end
        end
      end
    end
  end

  defp expand_alias({:__aliases__, _, _} = alias, env),
    do: Macro.expand(alias, %{env | function: {:amdgpu_dashboard, 2}})

  defp expand_alias(other, _env), do: other

  @doc false
  def __place__(prefix, options) do
    bench? = Keyword.get(options, :kernel_bench, false)

    if bench? and List.wrap(options[:kernel_bench_on_mount]) == [] do
      raise ArgumentError,
            "amdgpu_dashboard: kernel_bench: true lets people run code on this machine; " <>
              "kernel_bench_on_mount: must say who may"
    end

    panels = Keyword.get(options, :panels, @monitor_panels)
    rate = Keyword.get(options, :rate, 60)

    for panel <- panels, panel not in @monitor_panels do
      raise ArgumentError,
            "amdgpu_dashboard: panels: #{inspect(panel)} is none of #{inspect(@monitor_panels)}"
    end

    if rate not in [60, 30, 10, 1],
      do: raise(ArgumentError, "amdgpu_dashboard: rate: must be 60, 30, 10 or 1")

    %{
      prefix: prefix,
      home: if(prefix == "", do: "/", else: prefix),
      bench: if(bench?, do: prefix <> "/bench"),
      live_socket_path: Keyword.get(options, :live_socket_path, "/live"),
      socket_path: options[:socket_path],
      rate: rate,
      panels: panels
    }
  end

  @doc false
  def __live_session__(place, hooks, options) do
    [
      session: {__MODULE__, :__session__, [place, options[:session]]},
      root_layout: {AMDGPUWeb.Layouts, :root},
      on_mount: List.wrap(hooks)
    ]
  end

  @doc false
  def __session__(conn, place, more) do
    mine = %{
      "amdgpu" => place,
      "amdgpu_client" => conn.remote_ip |> :inet.ntoa() |> to_string()
    }

    case more do
      nil ->
        mine

      {module, function, arguments} ->
        Map.merge(mine, apply(module, function, [conn | arguments]))
    end
  end
end
