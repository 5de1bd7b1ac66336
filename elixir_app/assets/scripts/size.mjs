// Fails if the page or the hooks would take more than their share of a network: 150 KB gzip, everything together.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 150 * 1024;
const assets = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = process.env.AMDGPU_ASSETS_OUT ?? join(assets, "dist");

let failed = false;
for (const entry of ["page", "hooks"]) {
  const folder = join(dist, entry);
  let total = 0;
  for (const name of readdirSync(folder)) {
    // A browser loads the hooks in one of their two forms.
    if (name.endsWith(".mjs")) continue;
    const bytes = gzipSync(readFileSync(join(folder, name)), { level: 9 }).length;
    total += bytes;
    console.log(`${entry}/${name}: ${(bytes / 1024).toFixed(1)} KB gzip`);
  }
  console.log(`${entry}: ${(total / 1024).toFixed(1)} KB of ${LIMIT / 1024}`);
  failed ||= total > LIMIT;
}
process.exit(failed ? 1 : 0);
