/**
 * A Vite plugin: writes a service worker that knows the files of this build.
 *
 * The page, its scripts, the CPU engine and the nano models are kept for use without a network; anything larger, such
 * as the WebGPU engine, is fetched when asked for and not kept.
 */

import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

import type { Plugin } from "vite";

/** Largest file that is kept, in bytes: the CPU engine is smaller, the WebGPU engine larger. */
const LARGEST = 8_000_000;

export function precache(): Plugin {
  let folder = "";
  return {
    name: "minform-precache",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      const files = await kept(folder);
      const template = await readFile(new URL("./service-worker.js", import.meta.url), "utf8");
      const version = fingerprint(files);
      const addresses = JSON.stringify(files.map(({ address }) => address));
      const worker = template.replace("__VERSION__", version).replace('"__FILES__"', addresses);
      await writeFile(join(folder, "service-worker.js"), worker);
    },
  };
}

interface Kept {
  address: string;
  hash: string;
}

async function kept(folder: string): Promise<Kept[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths.filter((path) => !path.endsWith("service-worker.js")).toSorted();
  const read = await Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path) })));
  return read
    .filter(({ bytes }) => bytes.length <= LARGEST)
    .map(({ path, bytes }) => ({
      address: `./${relative(folder, path).replaceAll("\\", "/")}`,
      hash: createHash("sha256").update(bytes).digest("hex"),
    }));
}

function fingerprint(files: Kept[]): string {
  const all = files.map(({ address, hash }) => `${address} ${hash}`).join("\n");
  return createHash("sha256").update(all).digest("hex").slice(0, 16);
}
