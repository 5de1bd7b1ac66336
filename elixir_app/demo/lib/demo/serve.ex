defmodule Demo.Serve do
  @moduledoc """
  The dashboard, with a load to look at, until Ctrl-C: by Phoenix when its application is in this VM,
  otherwise by `amdgpu-gateway` with the stand-alone page.
  """

  # Of the front end's build; bin/demo builds it when npm is there.
  @page Path.expand("../../../assets/dist/page", __DIR__)

  @doc "Returns when it cannot serve; otherwise never."
  @spec run(AMDGPU.Device.t(), :inet.port_number()) :: {:error, String.t()}
  def run(device, port) do
    {:ok, _load} = Demo.Load.start_link(device)

    with {:ok, what} <- serve(port) do
      IO.puts(
        "\n#{what}: http://localhost:#{port}\nRecordings go to #{recordings()}. Ctrl-C ends it."
      )

      Process.sleep(:infinity)
    end
  end

  # Known when the demo runs, not when it is compiled: this project does not depend on that one.
  defp serve(port) do
    if Code.ensure_loaded?(AMDGPUWeb.Endpoint), do: phoenix(port), else: gateway(port)
  end

  defp phoenix(port) do
    # Mix has started the logger before this application's settings were there.
    Logger.configure(level: :warning)
    endpoint = Application.get_env(:amdgpu_web, AMDGPUWeb.Endpoint, [])
    http = Keyword.put(endpoint[:http] || [ip: {127, 0, 0, 1}], :port, port)

    endpoint =
      Keyword.merge(endpoint, http: http, server: true, url: [host: "localhost", port: port])

    Application.put_env(:amdgpu_web, AMDGPUWeb.Endpoint, endpoint, persistent: true)
    # The load's device is there to be looked at.
    Application.put_env(:amdgpu_web, :devices, [], persistent: true)
    Application.put_env(:amdgpu_web, :kernel_bench, true, persistent: true)
    Application.put_env(:amdgpu_web, :recordings, recordings(), persistent: true)

    case Application.ensure_all_started(:amdgpu_web) do
      {:ok, _} -> {:ok, "The dashboard (Phoenix LiveView)"}
      {:error, reason} -> {:error, "Phoenix does not start on port #{port}: #{words(reason)}"}
    end
  end

  defp gateway(port) do
    page = if File.exists?(Path.join(@page, "index.html")), do: [static: @page], else: []

    options = [port: port, recordings: recordings()] ++ page

    case Supervisor.start_link([{AMDGPU.Gateway, options}], strategy: :one_for_one) do
      {:ok, _} when page != [] ->
        {:ok, "The dashboard (amdgpu-gateway; Phoenix is not installed)"}

      {:ok, _} ->
        {:ok,
         "/metrics and /api/v1/frame (amdgpu-gateway; the page is not built: npm is not installed)"}

      {:error, reason} ->
        {:error, "amdgpu-gateway does not start: #{words(reason)}"}
    end
  end

  # What is recorded outlives the demo: `amdgpu replay` shows it again.
  defp recordings, do: :filename.basedir(:user_cache, "amdgpu-demo") |> Path.join("recordings")

  # What a supervisor says when a child does not start: its reason is in there somewhere.
  defp words({:shutdown, {:failed_to_start_child, _child, reason}}), do: words(reason)
  defp words({:shutdown, reason}), do: words(reason)
  defp words({_application, {reason, {_module, :start, _arguments}}}), do: words(reason)
  defp words({:failed_to_start_child, _child, reason}), do: words(reason)
  defp words(:eaddrinuse), do: "another program listens there; --port takes another"
  defp words(text) when is_binary(text), do: text
  defp words(other), do: inspect(other)
end
