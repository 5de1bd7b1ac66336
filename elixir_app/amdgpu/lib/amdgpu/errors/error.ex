defmodule AMDGPU.Error do
  @moduledoc """
  What has no exception of its own: a freed buffer, an unknown device, a bad option.

    * `code` - `:invalid_argument`, `:failed_precondition`, `:not_found`, `:out_of_range`,
      `:unavailable`, `:internal`, …
    * `message` - for people
  """

  defexception [:code, :message]

  @type t :: %__MODULE__{code: atom(), message: String.t()}

  @typedoc "Everything that an `{:error, reason}` of this library can hold."
  @type any_error ::
          t()
          | AMDGPU.CompileError.t()
          | AMDGPU.LaunchError.t()
          | AMDGPU.OutOfMemoryError.t()
          | AMDGPU.KernelFault.t()
          | AMDGPU.TimeoutError.t()
          | AMDGPU.DeviceLostError.t()

  @ns_per_ms 1_000_000

  @doc false
  def invalid(message), do: %__MODULE__{code: :invalid_argument, message: message}

  @doc false
  @spec from_native({atom(), String.t(), term()}) :: any_error()
  def from_native({_code, message, {:compile, :timed_out, _diagnostics}}),
    do: %__MODULE__{code: :deadline_exceeded, message: message}

  def from_native({_code, message, {:compile, outcome, diagnostics}}) do
    %AMDGPU.CompileError{
      reason: outcome,
      detail: message,
      diagnostics: Enum.map(diagnostics, &AMDGPU.Diagnostic.from_native/1)
    }
  end

  def from_native({_code, _message, {:launch, kernel, argument, name, expected, got}}) do
    %AMDGPU.LaunchError{
      kernel: kernel,
      argument: argument,
      name: name,
      expected: expected,
      got: got(got)
    }
  end

  def from_native({_code, _message, {:out_of_memory, detail}}) do
    %AMDGPU.OutOfMemoryError{
      asked: detail.asked,
      free: detail.free,
      largest_free: detail.largest_free,
      limit: detail.limit,
      limited_by: limited_by(detail.limited_by),
      holders: AMDGPU.Memory.owners(detail.holders)
    }
  end

  def from_native({_code, _message, {:fault, detail}}) do
    %AMDGPU.KernelFault{
      kernel: detail.kernel,
      signal: detail.signal,
      signal_name: detail.signal_name,
      address: detail.address,
      buffer: buffer(detail.buffer),
      detail: detail.message
    }
  end

  def from_native({_code, _message, {:timeout, what, after_ns}}),
    do: %AMDGPU.TimeoutError{what: what, after_ms: milliseconds(after_ns)}

  def from_native({_code, _message, {:device_lost, device, reason, kernel}}) do
    %AMDGPU.DeviceLostError{
      device: device,
      reason: reason,
      kernel: if(kernel != "", do: kernel)
    }
  end

  def from_native({code, message, nil}), do: %__MODULE__{code: code, message: message}

  # What the core found wrong comes in words, what is no argument at all as the term itself.
  defp got({:term, term}), do: inspect(term, limit: 5, printable_limit: 40)
  defp got(words), do: words

  defp limited_by("owner"), do: :owner
  defp limited_by("device"), do: :device
  defp limited_by(_), do: :system

  defp buffer(nil), do: nil
  defp buffer({address, bytes, offset}), do: %{address: address, bytes: bytes, offset: offset}

  defp milliseconds(ns) when rem(ns, @ns_per_ms) == 0, do: div(ns, @ns_per_ms)
  defp milliseconds(ns), do: ns / @ns_per_ms
end
