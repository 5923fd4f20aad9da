/** The script of the playground and what it needs, brought into a page once, however many widgets it shows. */

import { type Files, read } from "./files";
import type * as widget from "./widget";

type Bundle = typeof widget;

/** Every widget brings a small script of its own; this is what they have in common, one for each build of the package. */
const SHARED = Symbol.for("minform.bundles");

export function bundle(build: string, files: () => Promise<Files>): Promise<Bundle> {
  const page = globalThis as { [SHARED]?: Map<string, Promise<Bundle>> };
  const bundles = (page[SHARED] ??= new Map());
  const known = bundles.get(build);
  if (known !== undefined) return known;
  const loading = load(files);
  bundles.set(build, loading);
  // What failed may be tried again.
  loading.catch(() => bundles.delete(build));
  return loading;
}

async function load(files: () => Promise<Files>): Promise<Bundle> {
  const found = await files();
  const script = new Blob([await read(found, "widget.js")], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  try {
    const loaded = (await import(/* @vite-ignore */ address)) as Bundle;
    await loaded.furnish(found);
    return loaded;
  } finally {
    URL.revokeObjectURL(address);
  }
}
