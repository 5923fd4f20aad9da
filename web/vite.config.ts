import { defineConfig } from "vitest/config";

import { models } from "./offline/models.ts";
import { precache } from "./offline/precache.ts";

export default defineConfig({
  // Relative addresses: the built folder works under any path of any static server.
  base: "./",
  build: {
    outDir: "dist",
    target: "es2022",
    // The engine is fetched when asked for, never as text inside a script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  worker: { format: "es" },
  plugins: [models(), precache()],
  test: { include: ["tests/unit/**/*.test.ts"] },
});
