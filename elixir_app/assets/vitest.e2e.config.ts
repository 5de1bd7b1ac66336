import { defineConfig } from "vitest/config";

// One after the other: they share a machine with the load that they look at.
export default defineConfig({
  test: { include: ["test/e2e/**/*.test.ts"], environment: "node", fileParallelism: false, testTimeout: 60_000, hookTimeout: 180_000 },
});
