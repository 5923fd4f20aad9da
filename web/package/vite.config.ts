import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { beside } from "../offline/beside.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Not Vite's library mode, which would write the wasm files into the script as text. */
export default defineConfig({
  root,
  base: "./",
  build: {
    outDir: "package/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      input: { "minform-playground": fileURLToPath(new URL("index.ts", import.meta.url)) },
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "[name].js" },
    },
  },
  worker: { format: "es" },
  plugins: [beside()],
});
