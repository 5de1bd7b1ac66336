defmodule AMDGPU.ErrorsTest do
  use ExUnit.Case, async: true
  alias AMDGPU.{CompileError, DeviceLostError, Diagnostic, Error, KernelFault, LaunchError}
  alias AMDGPU.{OutOfMemoryError, TimeoutError}

  doctest Diagnostic

  defp diagnostic(fields) do
    struct!(
      %Diagnostic{
        severity: :error,
        file: "a.hip",
        line: 1,
        column: 1,
        message: "bad",
        source_line: ""
      },
      fields
    )
  end

  describe "Diagnostic.format/1" do
    test "puts the caret below its column, tabs included" do
      assert Diagnostic.format(diagnostic(source_line: "\tx = y;", column: 6)) ==
               "a.hip:1:6: error: bad\n  \tx = y;\n  \t    ^"
    end

    test "works without a place, without a line, and with a column past the line" do
      assert Diagnostic.format(diagnostic(line: 0, column: 0, file: "")) == "error: bad"
      assert Diagnostic.format(diagnostic(column: 0)) == "a.hip:1: error: bad"
      assert Diagnostic.format(diagnostic(source_line: "ab", column: 9)) =~ "\n  ab\n    ^"
    end
  end

  test "CompileError shows errors before warnings, and at most five" do
    warning = diagnostic(severity: :warning, message: "unused")

    error = %CompileError{
      kernel: "k",
      reason: :source_error,
      diagnostics: [warning, diagnostic([])]
    }

    message = Exception.message(error)
    assert message =~ ~s(kernel "k" does not compile)
    assert message =~ "a.hip:1:1: error: bad"
    refute message =~ "unused"

    many = for n <- 1..9, do: diagnostic(line: n)
    message = Exception.message(%{error | diagnostics: many})
    assert message =~ "a.hip:5:1" and message =~ "and 4 more"
    refute message =~ "a.hip:6:1"

    assert Exception.message(%CompileError{reason: :crashed, detail: "the compiler died"}) =~
             "the compiler died"

    assert Exception.message(%CompileError{kernel: "k", reason: :cancelled}) =~ "cancelled"
  end

  test "LaunchError names the argument" do
    error = %LaunchError{kernel: "saxpy", argument: 2, name: "x", expected: "A", got: "B"}

    assert Exception.message(error) ==
             "launch of saxpy refused: argument 2 (x): expected A, got B"

    assert Exception.message(%{error | argument: nil, name: "grid"}) ==
             "launch of saxpy refused: grid: expected A, got B"
  end

  test "OutOfMemoryError names the holders" do
    error = %OutOfMemoryError{
      asked: 3_221_225_472,
      free: 1_048_576,
      largest_free: 512,
      limit: 2_147_483_648,
      limited_by: :device,
      holders: [
        %{pid: self(), name: nil, bytes: 20_480, buffers: 1},
        %{pid: self(), name: :a_name, bytes: 100, buffers: 2},
        %{pid: nil, name: nil, bytes: 1, buffers: 1}
      ]
    }

    assert Exception.message(error) ==
             "no room for 3.0 GiB: the device's limit is 2.0 GiB; 1.0 MiB free, the largest block " <>
               "512 bytes; held by #{inspect(self())} 20.0 KiB in 1 buffer, :a_name 100 bytes in " <>
               "2 buffers, a process that has ended 1 bytes in 1 buffer"

    assert Exception.message(%{error | limited_by: :owner}) =~ "each process may hold 2.0 GiB"
    assert Exception.message(%{error | limited_by: :system}) =~ "the system has no more"
  end

  test "KernelFault says where the address lies" do
    fault = %KernelFault{
      kernel: "k",
      signal: 11,
      signal_name: "SIGSEGV",
      address: 0x1010,
      buffer: %{address: 0x1000, bytes: 8, offset: 16},
      detail: ""
    }

    assert Exception.message(fault) ==
             "kernel k faulted: SIGSEGV at address 0x1010, 8 bytes past the end of a buffer of 8 bytes"

    before = %{fault | buffer: %{address: 0x1020, bytes: 8, offset: -16}}
    assert Exception.message(before) =~ "16 bytes before a buffer of 8 bytes"
    inside = %{fault | buffer: %{address: 0x1010, bytes: 8, offset: 0}}
    assert Exception.message(inside) =~ "in a buffer of 8 bytes at offset 0"

    assertion = %{fault | buffer: nil, signal_name: "SIGABRT", detail: "assertion x failed"}
    assert Exception.message(assertion) == "kernel k faulted: assertion x failed (SIGABRT)"
    assert Exception.message(%{fault | kernel: "", buffer: nil}) =~ "the device's worker faulted"
  end

  test "TimeoutError and DeviceLostError" do
    assert Exception.message(%TimeoutError{what: "await", after_ms: 5}) =~ "can be awaited again"
    assert Exception.message(%TimeoutError{what: "kernel k", after_ms: 5}) =~ "kernel k was ended"

    assert Exception.message(%DeviceLostError{device: "host:0", reason: "r"}) ==
             "device host:0 lost: r"

    assert Exception.message(%DeviceLostError{device: "host:0", reason: "r", kernel: "k"}) ==
             ~s(device host:0 lost under kernel "k": r)
  end

  describe "from_native/1" do
    test "makes the exception of every detail" do
      assert %Error{code: :internal, message: "m"} = Error.from_native({:internal, "m", nil})

      assert %CompileError{reason: :source_error, diagnostics: [%Diagnostic{line: 2}]} =
               Error.from_native(
                 {:invalid_argument, "m",
                  {:compile, :source_error, [{:error, "f", 2, 3, "m", "s"}]}}
               )

      assert %LaunchError{argument: nil, got: ":x"} =
               Error.from_native(
                 {:invalid_argument, "", {:launch, "k", nil, "grid", "n", {:term, :x}}}
               )

      assert %TimeoutError{after_ms: 2} =
               Error.from_native({:deadline_exceeded, "m", {:timeout, "kernel k", 2_000_000}})

      assert %DeviceLostError{device: "host:0", kernel: nil} =
               Error.from_native({:aborted, "m", {:device_lost, "host:0", "r", ""}})

      assert %DeviceLostError{kernel: "k"} =
               Error.from_native({:aborted, "m", {:device_lost, "host:0", "r", "k"}})
    end
  end
end
