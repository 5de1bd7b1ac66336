defmodule AMDGPU.VendorsTest do
  # Which devices there are, and what the doctor says about those that are not.
  use ExUnit.Case, async: true
  alias AMDGPU.{ChildVM, Error, Probe}
  alias AMDGPU.Doctor.Vendors

  describe "the probe" do
    test "tells each kind, best first" do
      assert [%{kind: :hip}, %{kind: :cuda}, %{kind: :host} = host] = Probe.all()
      assert [%{kind: :host, name: name, compute_units: units}] = host.devices
      assert name != "" and units > 0
      assert host.problem == ""
    end

    test "a device that is not there is an error that says why" do
      for kind <- [:hip, :cuda], Probe.of(kind).devices == [] do
        assert {:error, %Error{code: :not_found, message: message}} = AMDGPU.open(kind)
        assert message =~ "no device #{inspect(kind)} on this machine"
        assert message =~ "mix amdgpu.doctor"
        assert {:error, %Error{code: :not_found}} = AMDGPU.open({kind, 1})
      end
    end
  end

  describe "AMDGPU_DEVICE" do
    test "says which device is the best" do
      assert open_in_child("host") =~ "opened host:0"
      assert open_in_child("host:7") =~ "no device {:host, 7}"
      assert open_in_child("abacus") =~ "AMDGPU_DEVICE: expected hip, cuda, host"
    end

    defp open_in_child(value) do
      code = """
      case AMDGPU.open() do
        {:ok, device} -> IO.puts("opened " <> AMDGPU.Device.label(device))
        {:error, error} -> IO.puts(Exception.message(error))
      end
      """

      {output, 0} = ChildVM.run(code, env: [{"AMDGPU_DEVICE", value}])
      output
    end
  end

  describe "the doctor" do
    @node %{path: "/dev/kfd", usable: true, group: "render", error: ""}
    @missing %{path: "/dev/kfd", usable: false, group: "", error: "No such file or directory"}
    @forbidden %{path: "/dev/kfd", usable: false, group: "render", error: "Permission denied"}
    @probe %{
      kind: :hip,
      library: "",
      library_version: "",
      devices: [],
      problem: "libamdhip64.so.6: cannot open shared object file",
      nodes: []
    }

    test "no card is no problem" do
      assert [%{state: :note, remedy: nil, text: text}] = Vendors.findings(@probe, 0)
      assert text =~ "no AMD GPU"
    end

    test "a card without a driver" do
      probe = %{@probe | nodes: [@missing]}
      assert [%{text: text, remedy: remedy}] = Vendors.findings(probe, 1)
      assert text =~ "/dev/kfd does not exist"
      assert remedy =~ "modprobe amdgpu"
      assert remedy =~ "--device /dev/kfd --device /dev/dri"
    end

    test "a card that this user may not open" do
      probe = %{@probe | library: "/usr/lib/libamdhip64.so.5", nodes: [@forbidden]}
      assert [%{text: text, remedy: remedy}] = Vendors.findings(probe, 2)
      assert text =~ "2 AMD GPUs, but this user may not open /dev/kfd (Permission denied)"
      assert remedy =~ "usermod -aG render"
    end

    test "a card that this container may not open" do
      nodes = [%{@forbidden | group: "109"}, %{@forbidden | path: "/dev/dri/renderD128"}]
      probe = %{@probe | library: "/usr/lib/libamdhip64.so.5", nodes: nodes}
      assert [%{text: text, remedy: remedy}] = Vendors.findings(probe, 1)
      assert text =~ "may not open /dev/kfd, /dev/dri/renderD128"
      assert text =~ "group 109, render"
      assert remedy == "start the container with --group-add 109"
    end

    test "a card without a library" do
      probe = %{@probe | nodes: [@node]}
      assert [%{text: text, remedy: remedy}] = Vendors.findings(probe, 1)
      assert text =~ "libamdhip64 was not found"
      assert remedy =~ "libamdhip64-5"
    end

    test "a card that the library does not take" do
      probe = %{@probe | kind: :cuda, library: "/usr/lib/libcuda.so.1", nodes: [@node]}
      probe = %{probe | problem: "starting it: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}
      assert [%{text: text, remedy: remedy}] = Vendors.findings(probe, 1)
      assert text =~ "libcuda.so.1 cannot use it: starting it: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"
      assert remedy =~ "update both"
    end

    test "a card that works" do
      probe = %{@probe | library: "/opt/rocm/lib/libamdhip64.so.6", library_version: "6.2.41133"}
      probe = %{probe | devices: [%{name: "AMD Instinct MI210"}], problem: "", nodes: [@node]}
      assert [%{state: :ok, text: text}] = Vendors.findings(probe, 1)
      assert text == "/opt/rocm/lib/libamdhip64.so.6 (HIP 6.2.41133)"
    end

    @tag :tmp_dir
    test "counts the cards on the bus", %{tmp_dir: dir} do
      for {slot, vendor, class} <- [
            {"0000:01:00.0", "0x1002", "0x030000"},
            {"0000:c1:00.0", "0x1002", "0x120000"},
            {"0000:01:00.1", "0x1002", "0x040300"},
            {"0000:02:00.0", "0x10de", "0x030200"}
          ] do
        File.mkdir_p!(Path.join(dir, slot))
        File.write!(Path.join([dir, slot, "vendor"]), vendor <> "\n")
        File.write!(Path.join([dir, slot, "class"]), class <> "\n")
      end

      assert Vendors.cards(:hip, dir) == 2
      assert Vendors.cards(:cuda, dir) == 1
      assert Vendors.cards(:cuda, Path.join(dir, "nothing")) == 0
    end
  end
end
