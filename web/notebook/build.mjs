/**
 * Builds what the Python package carries: the scripts, the wasm builds, the nano models and what is recorded.
 *
 * Nothing of it is written twice: scripts come from `web`, the schema of the state from `web/app/state.ts`.
 */

import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build, runnerImport } from "vite";

const web = fileURLToPath(new URL("..", import.meta.url));
const to = join(web, "notebook/minform/static");
const files = join(to, "files");

const CPU_ALONE = "the notebook widget computes on the CPU alone; open the playground in a browser tab for the GPU and pretrained models";
/** Modules that a bundle of one file cannot have: files beside it. */
const ABSENT = {
  "/wasm/webgpu/minform_web": `export default () => { throw new Error("${CPU_ALONE}"); };`,
  "/own-worker": 'export const ownWorker = () => { throw new Error("the widget brings its own worker"); };',
};

const oneFile = {
  name: "minform-one-file",
  enforce: "pre",
  resolveId(id) {
    const absent = Object.keys(ABSENT).find((end) => id.endsWith(end));
    return absent === undefined ? null : `\0${absent}`;
  },
  load: (id) => ABSENT[id.slice(1)] ?? null,
  // The wasm module is given; there is no address to fall back to.
  transform: (code, id) =>
    id.endsWith("minform_web.js") ? code.replace("new URL('minform_web_bg.wasm', import.meta.url)", "undefined") : null,
};

/** One script, whole in itself. */
async function script(name) {
  const { output } = await build({
    configFile: false,
    root: web,
    logLevel: "warn",
    publicDir: false,
    plugins: [oneFile],
    worker: { format: "iife", plugins: () => [oneFile], rollupOptions: { output: { codeSplitting: false } } },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rollupOptions: {
        input: join(web, `notebook/src/${name}.ts`),
        preserveEntrySignatures: "strict",
        output: { format: "es", codeSplitting: false },
      },
    },
  });
  const chunks = output.filter(({ type }) => type === "chunk");
  const others = output.filter(({ type }) => type !== "chunk").map(({ fileName }) => fileName);
  if (chunks.length !== 1 || others.length > 0) throw new Error(`${name} is not one script: ${[...chunks.map(({ fileName }) => fileName), ...others].join(", ")}`);
  return chunks[0].code;
}

async function put(path, content) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

const packed = (content) => gzipSync(content, { level: 9 });

await rm(to, { recursive: true, force: true });
for (const name of ["loader", "page"]) await put(join(to, `${name}.js`), await script(name));
await put(join(files, "widget.js.gz"), packed(await script("widget")));
for (const name of ["credit", "engine"]) {
  const wasm = await readFile(join(web, `app/wasm/${name}/minform_web_bg.wasm`));
  await put(join(files, `${name}.wasm.gz`), packed(wasm));
}
for (const slot of ["policy", "prm"]) {
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]) {
    await cp(join(web, `models/nano/${slot}/${name}`), join(files, `nano/${slot}/${name}`));
  }
}
await cp(join(web, "public/recorded/best-of-n.json"), join(files, "best-of-n.json"));
await cp(join(web, "../docs/results/credit-forms/summary.csv"), join(files, "credit-forms.csv"));

const { module: state } = await runnerImport(join(web, "app/state.ts"));
const { module: schema } = await runnerImport(join(web, "app/schema.ts"));
await put(
  join(to, "state.json"),
  JSON.stringify({ schema: schema.aboutRecord(state.FIELDS), initial: state.consistent(state.initialState()) }),
);

let total = 0;
for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const { length } = await readFile(join(entry.parentPath, entry.name));
  total += length;
  console.log(String(length).padStart(9), entry.name);
}
console.log(String(total).padStart(9), "in all");
