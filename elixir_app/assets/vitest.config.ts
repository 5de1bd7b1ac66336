import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/unit/**/*.test.ts"],
    environment: "node",
    environmentMatchGlobs: [["test/unit/dom_*.test.ts", "jsdom"]],
  },
});
