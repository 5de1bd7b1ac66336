defmodule AMDGPU.Doctor.Vendors do
  @moduledoc false
  # What the machine has of each vendor's: cards, kernel driver, libraries, permissions; and which
  # command mends what is missing. Works on what a probe found, so that it can be tested without a
  # card.

  alias AMDGPU.Doctor.Finding

  @vendors %{
    hip: %{
      name: "AMD",
      pci: "0x1002",
      driver: "amdgpu",
      runtime: "HIP",
      library: "libamdhip64",
      install: "apt-get install libamdhip64-5 (Debian), or ROCm from repo.radeon.com",
      container: "--device /dev/kfd --device /dev/dri"
    },
    cuda: %{
      name: "NVIDIA",
      pci: "0x10de",
      driver: "nvidia",
      runtime: "CUDA",
      library: "libcuda",
      install: "apt-get install nvidia-driver libcuda1 (Debian, non-free)",
      container: "--gpus all (with NVIDIA's container toolkit)"
    }
  }

  @doc "Findings about the vendor that `probe` is of; `cards` is how many of its GPUs are on the PCI bus."
  @spec findings(AMDGPU.Probe.t(), non_neg_integer()) :: [Finding.t()]
  def findings(probe, cards) do
    vendor = Map.fetch!(@vendors, probe.kind)

    cond do
      probe.devices != [] -> [library(vendor, probe) | devices(vendor, probe)]
      cards == 0 -> [none(vendor, probe)]
      true -> [unusable(vendor, probe, cards)]
    end
  end

  @doc "How many GPUs of the vendor of `kind` are on the PCI bus, whatever drives them."
  @spec cards(:hip | :cuda, Path.t()) :: non_neg_integer()
  def cards(kind, bus \\ "/sys/bus/pci/devices") do
    id = Map.fetch!(@vendors, kind).pci

    bus
    |> Path.join("*")
    |> Path.wildcard()
    |> Enum.count(&(read(&1, "vendor") == id and gpu_class?(read(&1, "class"))))
  end

  # Display controllers and processing accelerators.
  defp gpu_class?(class), do: String.starts_with?(class, ["0x03", "0x12"])

  defp read(device, file) do
    case File.read(Path.join(device, file)) do
      {:ok, text} -> String.trim(text)
      {:error, _} -> ""
    end
  end

  defp library(vendor, probe) do
    finding(vendor, :ok, "#{probe.library} (#{vendor.runtime} #{probe.library_version})")
  end

  # Devices that work are listed by the doctor; here is what else there is to say.
  defp devices(_vendor, %{problem: ""}), do: []

  defp devices(vendor, probe),
    do: [finding(vendor, :note, "not every device is usable: #{probe.problem}")]

  defp none(vendor, %{library: ""}),
    do: finding(vendor, :note, "no #{vendor.name} GPU in this machine, and no #{vendor.library}")

  defp none(vendor, probe) do
    version = if probe.library_version == "", do: "", else: " (#{probe.library_version})"

    finding(
      vendor,
      :note,
      "no #{vendor.name} GPU in this machine; #{Path.basename(probe.library)}#{version} is installed"
    )
  end

  defp unusable(vendor, probe, cards) do
    found = "#{cards} #{vendor.name} #{if cards == 1, do: "GPU", else: "GPUs"}, but "
    forbidden = Enum.filter(probe.nodes, &(not &1.usable and &1.group != ""))

    cond do
      not Enum.any?(probe.nodes, &(&1.usable or &1.group != "")) ->
        path = probe.nodes |> List.first(%{path: "/dev"}) |> Map.fetch!(:path)

        finding(
          vendor,
          :note,
          found <> "#{path} does not exist: the kernel's driver is not loaded",
          "sudo modprobe #{vendor.driver}; if there is no such module: #{vendor.install}; " <>
            "a container is started with #{vendor.container}"
        )

      forbidden != [] ->
        forbidden(vendor, found, forbidden)

      probe.library == "" ->
        finding(
          vendor,
          :note,
          found <> "#{vendor.library} was not found: #{probe.problem}",
          vendor.install
        )

      true ->
        finding(
          vendor,
          :note,
          found <> "#{Path.basename(probe.library)} cannot use it: #{probe.problem}",
          "the library and the kernel's driver must fit each other, and know the GPU: " <>
            "update both (#{vendor.install}) and restart the machine"
        )
    end
  end

  defp forbidden(vendor, found, nodes) do
    paths = Enum.map_join(nodes, ", ", & &1.path)
    groups = nodes |> Enum.map(& &1.group) |> Enum.uniq()
    error = hd(nodes).error

    # A container has the numbers of the machine's groups, and no names for them.
    nameless = Enum.filter(groups, &(&1 =~ ~r/^\d+$/))

    remedy =
      cond do
        nameless != [] ->
          "start the container with " <> Enum.map_join(nameless, " ", &"--group-add #{&1}")

        groups == ["root"] ->
          "give the device files to a group: a udev rule, or the driver's own package"

        true ->
          "sudo usermod -aG #{Enum.join(groups, ",")} $USER, then log in again"
      end

    finding(
      vendor,
      :note,
      found <>
        "this user may not open #{paths} (#{error}): it belongs to group #{Enum.join(groups, ", ")}",
      remedy
    )
  end

  defp finding(vendor, state, text, remedy \\ nil),
    do: %Finding{area: "#{vendor.name} GPUs", state: state, text: text, remedy: remedy}
end
