/** The WebAssembly builds of the page, in Node. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";

const root = new URL("../../../", import.meta.url);

/** Starts one of the builds in `web/app/wasm`. */
export async function build(name) {
  const folder = new URL(`web/app/wasm/${name}/`, root);
  const wasm = await import(new URL("minform_web.js", folder));
  await wasm.default({ module_or_path: await readFile(new URL("minform_web_bg.wasm", folder)) });
  return wasm;
}

/** Whether it has been made. */
export function isBuilt(name) {
  return existsSync(new URL(`web/app/wasm/${name}/minform_web_bg.wasm`, root));
}

/** A JSON file of the repository. */
export async function json(path) {
  return JSON.parse(await readFile(new URL(path, root), "utf8"));
}

/** The files of a model folder of the repository. */
export async function model(path) {
  const names = ["config.json", "tokenizer.json", "model.safetensors"];
  const file = async (name) => ({ name, bytes: new Uint8Array(await readFile(new URL(`${path}/${name}`, root))) });
  return Promise.all(names.map(file));
}
