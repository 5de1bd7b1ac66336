defmodule AMDGPU.KernelFault do
  @moduledoc """
  A kernel did something that ended the device's worker process: a bad address, a division by zero,
  `abort()`, a failed `assert`, a stack overflow. The device restarts by itself and its buffers keep
  their contents.

    * `kernel` - its name; empty when the fault was not inside a kernel
    * `signal`, `signal_name` - what the operating system said: 11 and `"SIGSEGV"`
    * `address` - that could not be accessed, as the kernel saw it; 0 when it is not about one
    * `buffer` - the buffer next to the address, or nil: `%{address:, bytes:, offset:}`; `offset` is
      that of the fault from the buffer's first byte
    * `detail` - more in words, for example the text of an assert
  """

  defexception [:kernel, :signal, :signal_name, :address, :buffer, :detail]

  @type t :: %__MODULE__{
          kernel: String.t(),
          signal: integer(),
          signal_name: String.t(),
          address: non_neg_integer(),
          buffer: %{address: non_neg_integer(), bytes: pos_integer(), offset: integer()} | nil,
          detail: String.t()
        }

  @impl true
  def message(error) do
    subject = if error.kernel == "", do: "the device's worker", else: "kernel #{error.kernel}"
    "#{subject} faulted: #{cause(error)}#{address(error)}#{buffer(error.buffer)}"
  end

  defp cause(%{detail: detail, signal_name: ""}) when detail != "", do: detail
  defp cause(%{detail: "", signal_name: name}) when name != "", do: name
  defp cause(%{detail: "", signal: signal}), do: "signal #{signal}"
  defp cause(%{detail: detail, signal_name: name}), do: "#{detail} (#{name})"

  # An address means something for these alone.
  defp address(%{signal_name: name, address: address}) when name in ["SIGSEGV", "SIGBUS"],
    do: " at address 0x#{Integer.to_string(address, 16)}"

  defp address(_), do: ""

  defp buffer(nil), do: ""

  defp buffer(%{bytes: bytes, offset: offset}) when offset >= bytes,
    do: ", #{offset - bytes} bytes past the end of a buffer of #{bytes} bytes"

  defp buffer(%{bytes: bytes, offset: offset}) when offset < 0,
    do: ", #{-offset} bytes before a buffer of #{bytes} bytes"

  defp buffer(%{bytes: bytes, offset: offset}),
    do: ", in a buffer of #{bytes} bytes at offset #{offset}"
end
