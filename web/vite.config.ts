import { defineConfig } from "vitest/config";

import { beside } from "./offline/beside.ts";
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
  plugins: [beside(), precache()],
  test: { include: ["tests/unit/**/*.test.ts"] },
});
