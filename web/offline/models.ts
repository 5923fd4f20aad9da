/** A Vite plugin: puts the nano models beside the built page. */

import { cp } from "node:fs/promises";
import { join } from "node:path";

import type { Plugin } from "vite";

export function models(): Plugin {
  let from = "";
  let to = "";
  return {
    name: "minform-models",
    apply: "build",
    configResolved(config) {
      from = join(config.root, "models");
      to = join(config.root, config.build.outDir, "models");
    },
    async writeBundle() {
      await cp(from, to, { recursive: true, filter: (source) => !source.endsWith(".md") });
    },
  };
}
