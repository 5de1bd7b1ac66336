// Builds dist/: the stand-alone page, and the hooks as a module and as a plain script.
import { copyFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const assets = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = process.env.AMDGPU_ASSETS_OUT ?? join(assets, "dist");
rmSync(dist, { recursive: true, force: true });

const common = { configFile: false, logLevel: "warn", base: "./" };
const output = { target: "es2021", minify: "esbuild", cssMinify: true, modulePreload: false };

await build({
  ...common,
  root: join(assets, "src", "page"),
  build: {
    ...output,
    outDir: join(dist, "page"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "dashboard.js",
        assetFileNames: (file) => (/\.css$/.test(file.names?.[0] ?? file.name ?? "") ? "amdgpu.css" : "[name][extname]"),
      },
    },
  },
});

await build({
  ...common,
  root: assets,
  build: {
    ...output,
    outDir: join(dist, "hooks"),
    emptyOutDir: true,
    lib: {
      entry: join(assets, "src", "hooks.ts"),
      name: "AmdgpuHooks",
      formats: ["es", "iife"],
      fileName: (format) => (format === "es" ? "amdgpu_hooks.mjs" : "amdgpu_hooks.js"),
    },
  },
});
copyFileSync(join(dist, "page", "amdgpu.css"), join(dist, "hooks", "amdgpu.css"));
