// Files made in the browser, for the person at it.

export function download(name: string, type: string, parts: BlobPart[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** "amdgpu-2026-01-31T12-30-05.json" */
export function fileName(unixMs: number, ending: string): string {
  return `amdgpu-${new Date(unixMs).toISOString().slice(0, 19).replace(/:/g, "-")}.${ending}`;
}
