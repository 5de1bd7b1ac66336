defmodule AMDGPU.BufferTest do
  use AMDGPU.DeviceCase, async: true
  alias AMDGPU.{Buffer, Error}

  describe "new/4" do
    test "knows its size", %{device: device} do
      assert {:ok, buffer} = Buffer.new(device, :f64, 10)
      assert %{dtype: :f64, elements: 10, bytes: 80} = buffer
      assert %{live: true, owner: owner, elements: 10, bytes: 80} = Buffer.info(buffer)
      assert owner == self()
      assert inspect(buffer) == "#AMDGPU.Buffer<f64[10] on #{AMDGPU.Device.label(device)}>"
    end

    test "takes every element type", %{device: device} do
      for dtype <- AMDGPU.DType.all() do
        assert {:ok, buffer} = Buffer.zeros(device, dtype, 3)
        assert {:ok, binary} = Buffer.to_binary(buffer)
        assert binary == :binary.copy(<<0>>, buffer.bytes)
      end
    end

    test "refuses what is no type, number or option", %{device: device} do
      assert {:error, %Error{message: message}} = Buffer.new(device, :float, 1)
      assert message =~ ":float" and message =~ ":f32"
      assert {:error, %Error{}} = Buffer.new(device, :f32, -1)
      assert {:error, %Error{}} = Buffer.new(device, :f32, 1.0)
      assert {:error, _} = Buffer.new(device, :f64, 0xFFFFFFFFFFFFFFFF)
      assert {:error, %Error{message: message}} = Buffer.new(device, :f32, 1, align: 4)
      assert message =~ ":align"
      assert_raise Error, fn -> Buffer.new!(device, :f32, -1) end
    end
  end

  describe "a round trip" do
    for bytes <- [4, 65_532, 65_536, 65_540, 1_048_576, 20_000_000] do
      test "of #{bytes} bytes gives the same bytes", %{device: device} do
        binary = :rand.bytes(unquote(bytes))
        assert {:ok, buffer} = Buffer.from_binary(device, :u8, binary)
        assert {:ok, read} = Buffer.to_binary(buffer)
        assert read == binary
      end
    end

    test "needs whole elements", %{device: device} do
      assert {:error, %Error{message: message}} = Buffer.from_binary(device, :f32, <<1, 2, 3>>)
      assert message =~ "3 bytes"
    end
  end

  describe "to_binary/1" do
    test "is a snapshot: what is done to the buffer later does not show", %{device: device} do
      elements = 50_000
      {:ok, buffer} = Buffer.zeros(device, :i32, elements)
      add = kernel(device, :add)
      first = Buffer.to_binary!(buffer)
      AMDGPU.run!(add, [grid: div(elements, 250), block: 250], [buffer, elements, 1])
      second = Buffer.to_binary!(buffer)
      Buffer.write!(buffer, <<7::32-little>>)
      third = Buffer.to_binary!(buffer)
      Buffer.fill!(buffer, 9)
      fourth = Buffer.to_binary!(buffer)
      Buffer.free!(buffer)
      {:ok, other} = Buffer.new(device, :i32, elements)
      Buffer.fill!(other, -1)
      AMDGPU.synchronize!(device)

      assert first == :binary.copy(<<0::32-little>>, elements)
      assert second == :binary.copy(<<1::32-little>>, elements)
      assert third == <<7::32-little, binary_part(second, 4, byte_size(second) - 4)::binary>>
      assert fourth == :binary.copy(<<9::32-little>>, elements)
    end

    test "outlives the buffer, its owner and the device" do
      test = self()
      device = AMDGPU.open!(:host)

      spawn(fn ->
        {:ok, buffer} = Buffer.from_binary(device, :u8, :binary.copy("abcd", 50_000))
        send(test, {:binary, Buffer.to_binary!(buffer)})
      end)

      assert_receive {:binary, binary}
      AMDGPU.close(device)
      :erlang.garbage_collect()
      AMDGPU.Native.drop_pending()
      assert binary == :binary.copy("abcd", 50_000)
    end

    test "waits for the launches before it", %{device: device} do
      {:ok, out} = Buffer.zeros(device, :u32, 1)
      {:ok, _} = AMDGPU.launch(kernel(device, :busy), [grid: 1, block: 1], [20, out])
      assert {:ok, <<x::32-little>>} = Buffer.to_binary(out)
      assert x != 0
    end
  end

  describe "read/3 and write/3" do
    setup %{device: device} do
      {:ok, buffer} = Buffer.from_binary(device, :i32, pack(:i32, 0..99))
      {:ok, buffer: buffer}
    end

    test "count in elements", %{buffer: buffer} do
      assert Buffer.read!(buffer, 10, 3) == pack(:i32, [10, 11, 12])
      assert Buffer.read!(buffer, 100, 0) == ""
      assert :ok = Buffer.write(buffer, pack(:i32, [-1, -2]), offset: 98)
      assert Buffer.read!(buffer, 97, 3) == pack(:i32, [97, -1, -2])
    end

    test "stay inside", %{buffer: buffer} do
      assert {:error, %Error{code: :out_of_range, message: message}} = Buffer.read(buffer, 99, 2)
      assert message =~ "100"
      assert {:error, %Error{}} = Buffer.read(buffer, -1, 2)
      assert {:error, %Error{}} = Buffer.read(buffer, 0, 0xFFFFFFFFFFFFFFFF)
      assert {:error, %Error{}} = Buffer.write(buffer, pack(:i32, [1]), offset: 100)
      assert {:error, %Error{}} = Buffer.write(buffer, <<1>>)
      assert {:error, %Error{}} = Buffer.write(buffer, <<>>, offset: :first)
    end

    test "a write can be queued in a stream, larger than the staging takes at once", %{
      device: device
    } do
      {:ok, stream} = AMDGPU.Stream.new(device)
      binary = :rand.bytes(3_500_000)
      {:ok, buffer} = Buffer.new(device, :u8, byte_size(binary))
      assert :ok = Buffer.write(buffer, binary, stream: stream)
      assert Buffer.to_binary!(buffer) == binary
    end
  end

  describe "copy/3 and fill/3" do
    test "move ranges, overlapping ones too", %{device: device} do
      {:ok, source} = Buffer.from_binary(device, :i32, pack(:i32, 0..9))
      {:ok, target} = Buffer.zeros(device, :i32, 10)
      assert :ok = Buffer.copy(target, source)
      assert numbers(target) == Enum.to_list(0..9)
      assert :ok = Buffer.copy(target, target, from: 0, to: 2, count: 5)
      assert numbers(target) == [0, 1, 0, 1, 2, 3, 4, 7, 8, 9]
      assert :ok = Buffer.copy(target, source, from: 8)
      assert [8, 9, 0 | _] = numbers(target)
    end

    test "refuse ranges and types that do not match", %{device: device} do
      {:ok, a} = Buffer.zeros(device, :i32, 10)
      {:ok, b} = Buffer.zeros(device, :f32, 10)
      {:ok, c} = Buffer.zeros(device, :i32, 5)
      assert {:error, %Error{message: message}} = Buffer.copy(a, b)
      assert message =~ ":i32" and message =~ ":f32"
      assert {:error, %Error{code: :out_of_range}} = Buffer.copy(c, a)
      assert {:error, %Error{code: :out_of_range}} = Buffer.copy(a, c, from: 4, count: 2)
      other = AMDGPU.open!(:host)
      {:ok, d} = Buffer.zeros(other, :i32, 10)
      assert {:error, %Error{message: message}} = Buffer.copy(a, d)
      assert message =~ "different devices"
      AMDGPU.close(other)
    end

    test "fill every type with a value that fits", %{device: device} do
      for {dtype, value} <- [i8: -3, u16: 65_535, i64: -5, f16: 1.5, f64: -0.25, bool: true] do
        {:ok, buffer} = Buffer.new(device, dtype, 7)
        assert :ok = Buffer.fill(buffer, value)
        assert Buffer.to_binary!(buffer) == pack(dtype, List.duplicate(value, 7))
      end

      {:ok, buffer} = Buffer.new(device, :u8, 7)
      assert {:error, %Error{message: message}} = Buffer.fill(buffer, 256)
      assert message =~ "256" and message =~ ":u8"
    end
  end

  describe "free/1" do
    test "makes every later use an error", %{device: device} do
      {:ok, buffer} = Buffer.zeros(device, :i32, 10)
      assert :ok = Buffer.free(buffer)
      refute Buffer.info(buffer).live
      assert {:error, _} = Buffer.free(buffer)
      assert {:error, _} = Buffer.to_binary(buffer)
      assert {:error, _} = Buffer.write(buffer, <<0::32>>)
      assert {:error, _} = Buffer.fill(buffer, 0)
      assert {:error, _} = Buffer.copy(buffer, buffer)
      assert {:error, _} = Buffer.give_away(buffer, self())
    end

    test "lets queued work end first", %{device: device} do
      {:ok, out} = Buffer.zeros(device, :u32, 1)
      {:ok, job} = AMDGPU.launch(kernel(device, :busy), [grid: 1, block: 1], [20, out])
      assert :ok = Buffer.free(out)
      assert {:ok, _} = AMDGPU.await(job)
    end
  end
end
