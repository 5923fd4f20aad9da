/** A Vite plugin: puts the nano models and the recorded runs of the native program beside the built page. */

import { cp } from "node:fs/promises";
import { join } from "node:path";

import type { Plugin } from "vite";

export function beside(): Plugin {
  let root = "";
  let to = "";
  return {
    name: "minform-beside",
    apply: "build",
    configResolved(config) {
      root = config.root;
      to = join(config.root, config.build.outDir);
    },
    async writeBundle() {
      const filter = (source: string): boolean => !source.endsWith(".md");
      await cp(join(root, "models"), join(to, "models"), { recursive: true, filter });
      await cp(join(root, "../docs/results/credit-forms/summary.csv"), join(to, "recorded/credit-forms.csv"));
    },
  };
}
