# What only the CPU does as a device; DeviceCase says which device it is.
exclude =
  if AMDGPU.DeviceCase.device_under_test() in [:host, {:host, 0}], do: [], else: [:host_only]

# `timeout` is for what hangs: under a sanitizer, on a busy machine, tests of dozens of kernels take minutes to compile them.
ExUnit.start(assert_receive_timeout: 2_000, timeout: 300_000, exclude: exclude)

# When all tests have ended nothing native may be alive: a leaked handle is a leaked device.
ExUnit.after_suite(fn _result ->
  leaked = fn ->
    Enum.each(Process.list(), &:erlang.garbage_collect/1)
    AMDGPU.Native.drop_pending()
    AMDGPU.Native.live_resources()
  end

  unless Enum.any?(1..50, fn _ -> leaked.() == 0 or Process.sleep(20) == 0 end) do
    IO.puts("LEAKED native resources: #{inspect(AMDGPU.Native.live_resource_counts())}")
    System.at_exit(fn _ -> exit({:shutdown, 1}) end)
  end
end)
