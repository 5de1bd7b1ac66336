# The application beside the load of bench/dashboard, for a browser: elixir_app/assets/test/e2e/phoenix.test.ts looks at it.
# Until its standard input ends:
#
#     MIX_ENV=test mix run test/browser.exs
Application.put_env(:amdgpu_web, :kernel_bench, true)
Application.put_env(:amdgpu_web, :live_rate, 2)
{:ok, {_address, port}} = AMDGPUWeb.Endpoint.server_info(:http)
IO.puts("serves on port #{port}")
Code.require_file("../../../bench/dashboard/load.exs", __DIR__)
