defmodule AMDGPU.DeviceCase do
  @moduledoc """
  Tests on a device of their own: `%{device: device}`, opened once for the module. The host device,
  or the one that `AMDGPU_TEST_DEVICE` names (`hip`, `cuda:1`).
  """
  use ExUnit.CaseTemplate

  using options do
    quote do
      import AMDGPU.DeviceCase
      import AMDGPU.TestKernels
      @moduletag device_options: unquote(options[:device] || [])
    end
  end

  setup_all context do
    options = Keyword.merge([printf: :ignore, threads: 2], context[:device_options] || [])
    {:ok, device} = AMDGPU.open(device_under_test(), options)
    on_exit(fn -> AMDGPU.close(device) end)
    {:ok, device: device}
  end

  @doc "What `AMDGPU.open/2` is given."
  def device_under_test do
    case String.split(System.get_env("AMDGPU_TEST_DEVICE", "host"), ":") do
      [kind] -> kind(kind)
      [kind, index] -> {kind(kind), String.to_integer(index)}
    end
  end

  # Whether or not anything has made the atom yet.
  defp kind("host"), do: :host
  defp kind("hip"), do: :hip
  defp kind("cuda"), do: :cuda

  @doc """
  The memory of the host device outlives its worker, a GPU's does not: asserts that the buffer still holds `numbers`,
  or that it says it was lost.
  """
  def assert_kept(device, buffer, numbers) do
    if host?(device) do
      ExUnit.Assertions.assert(numbers(buffer) == numbers)
    else
      ExUnit.Assertions.assert(
        {:error, %AMDGPU.DeviceLostError{}} = AMDGPU.Buffer.to_binary(buffer)
      )
    end
  end

  @doc "Whether the device is the CPU: what is asked of it alone."
  def host?(device), do: device.properties.kind == :host

  @doc "A list of numbers as a binary of the element type."
  def pack(dtype, numbers) do
    for n <- numbers, into: <<>> do
      {:ok, bytes} = AMDGPU.DType.encode(dtype, n)
      bytes
    end
  end

  @doc "The numbers in a binary of i32 or f32."
  def unpack(:i32, binary), do: for(<<n::32-signed-little <- binary>>, do: n)
  def unpack(:f32, binary), do: for(<<n::float-32-little <- binary>>, do: n)

  @doc "A buffer's numbers."
  def numbers(buffer), do: unpack(buffer.dtype, AMDGPU.Buffer.to_binary!(buffer))

  @doc "Runs `fun` while another device is open, which must not notice."
  def beside_another_device(fun) do
    {:ok, other} = AMDGPU.open(device_under_test(), threads: 1, printf: :ignore)
    before = AMDGPU.stats(other)
    result = fun.()
    ExUnit.Assertions.assert(AMDGPU.stats(other) == before)
    ExUnit.Assertions.assert({:ok, _} = AMDGPU.Buffer.zeros(other, :i32, 1))
    AMDGPU.close(other)
    result
  end

  @doc "Polls until `fun` is true; fails after `ms` milliseconds."
  def eventually(fun, ms \\ 5_000) do
    cond do
      fun.() ->
        :ok

      ms <= 0 ->
        ExUnit.Assertions.flunk("it did not happen in time")

      true ->
        Process.sleep(10)
        eventually(fun, ms - 10)
    end
  end

  @doc "Waits until the device's server has dealt with what it was told, its log included."
  def settle(device), do: AMDGPU.Device.Server.device(device.pid)

  @doc "The messages of the calling process."
  def mailbox do
    {:messages, messages} = Process.info(self(), :messages)
    messages
  end
end
