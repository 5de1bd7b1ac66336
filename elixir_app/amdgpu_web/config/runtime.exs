# What the environment says:
#   PORT                    to listen on; 4000
#   AMDGPU_WEB_IP           address to listen on; 127.0.0.1. Others than this machine's need a token
#   AMDGPU_WEB_TOKEN, AMDGPU_WEB_TOKEN_FILE    what visitors must have
#   AMDGPU_WEB_HOST         the name that visitors use, for links and for the check of origins
#   AMDGPU_WEB_DEVICES      what to open: "best", or a list as "host hip:0"; "best"
#   AMDGPU_WEB_RECORDINGS   a directory to record into; without it there are no controls for that
#   AMDGPU_WEB_KERNEL_BENCH 1 shows the page that compiles and runs kernels
#   SECRET_KEY_BASE         signs sessions; by default made anew with each start, which ends them
import Config

env = fn name ->
  case System.get_env(name) do
    "" -> nil
    value -> value
  end
end

if config_env() != :test do
  ip =
    case (env.("AMDGPU_WEB_IP") || "127.0.0.1")
         |> String.to_charlist()
         |> :inet.parse_address() do
      {:ok, address} -> address
      {:error, _} -> raise "AMDGPU_WEB_IP is not an address: #{env.("AMDGPU_WEB_IP")}"
    end

  port =
    case Integer.parse(env.("PORT") || "4000") do
      {port, ""} when port in 0..65_535 -> port
      _ -> raise "PORT is not a port: #{env.("PORT")}"
    end

  token =
    case env.("AMDGPU_WEB_TOKEN_FILE") do
      nil -> env.("AMDGPU_WEB_TOKEN")
      path -> path |> File.read!() |> String.trim()
    end

  if token == "", do: raise("AMDGPU_WEB_TOKEN_FILE is empty")

  host = env.("AMDGPU_WEB_HOST")

  devices =
    for name <- String.split(env.("AMDGPU_WEB_DEVICES") || "best") do
      case Regex.run(~r/^(best|host|hip|cuda)(?::(\d+))?$/, name) do
        [_, kind] -> String.to_atom(kind)
        [_, kind, index] when kind != "best" -> {String.to_atom(kind), String.to_integer(index)}
        _ -> raise "AMDGPU_WEB_DEVICES: expected best, host, hip, cuda or KIND:INDEX, got #{name}"
      end
    end

  config :amdgpu_web,
    token: token,
    origins: List.wrap(host),
    recordings: env.("AMDGPU_WEB_RECORDINGS"),
    devices: devices

  case env.("AMDGPU_WEB_KERNEL_BENCH") do
    nil -> :ok
    value -> config :amdgpu_web, kernel_bench: value in ["1", "true"]
  end

  config :amdgpu_web, AMDGPUWeb.Endpoint,
    http: [
      ip: ip,
      port: port,
      # What a browser has not read yet is not fresh: as little as possible waits in the kernel.
      thousand_island_options: [transport_options: [sndbuf: 65_536]]
    ],
    url: [host: host || "localhost", port: port],
    secret_key_base: env.("SECRET_KEY_BASE") || Base.encode64(:crypto.strong_rand_bytes(64))
end

if config_env() == :prod and env.("RELEASE_NAME"),
  do: config(:amdgpu_web, AMDGPUWeb.Endpoint, server: true)
