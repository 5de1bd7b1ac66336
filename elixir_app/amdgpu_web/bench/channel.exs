# AMDGPUWeb's channel, over frames of about 2 KB. Serves on $PORT until its standard input ends; bench/gateway's
# channel_load is the other side, bare_channel.exs what it is compared with.
#
#     PORT=4000 MIX_ENV=prod mix run --no-start bench/channel.exs
Code.require_file("launches.exs", __DIR__)
Application.put_env(:phoenix, :serve_endpoints, true)
Application.put_env(:amdgpu_web, :devices, [])
Logger.configure(level: :warning)
{:ok, _} = Application.ensure_all_started(:amdgpu_web)
Launches.start()
IO.puts("serving")
IO.read(:stdio, :eof)
