/**
 * Scores one solution with SmolLM2 by wllama and by minform, in turns, in the same Chromium.
 *
 *     npm install && node compare.js MODEL.gguf HEAD.safetensors [ROUNDS]
 *
 * wllama has no head that scores steps, so its work is the reading of the same text (its prompt phase), the larger part
 * of what a process reward model does. Both run on one thread, without special headers.
 */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";

const [model, head, count] = process.argv.slice(2);
if (!model || !head) throw new Error("usage: node compare.js MODEL.gguf HEAD.safetensors [ROUNDS]");

const here = import.meta.dirname;
const engine = resolve(here, "../../app/wasm/webgpu");
const rounds = Number(count ?? 5);
const types = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };

const problem = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did Natalia sell altogether in April and May?";
const steps = [
  "In April Natalia sold 48 clips, one to each of her 48 friends.",
  "In May she sold half as many clips as in April, which is 48 / 2 = 24 clips.",
  "To find how many clips she sold altogether, add the clips of April and those of May.",
  "48 + 24 = 72, so over the two months she sold 72 clips.",
  "Check: 72 is three times 24, as it must be when April counts for two parts and May for one.",
  "The answer is \\boxed{72}.",
];

const places = [
  ["/peers/", here],
  ["/engine/", engine],
];

const server = createServer((request, response) => {
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  const page = /^\/(wllama|minform)$/.exec(path)?.[1];
  if (page) {
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><title>${page}</title><script type="module" src="/peers/${page}.js"></script>`);
    return;
  }
  const file =
    path === "/model" ? model : path === "/head" ? head : places.flatMap(([at, folder]) => (path.startsWith(at) ? [join(folder, path.slice(at.length))] : []))[0];
  if (!file) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader("Content-Type", types[extname(file)] ?? "application/octet-stream");
  createReadStream(file).on("error", () => response.writeHead(404).end()).pipe(response);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const address = server.address();
const origin = `http://localhost:${typeof address === "object" && address ? address.port : 0}`;

const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"],
});
const task = { model: `${origin}/model`, head: `${origin}/head`, problem, steps, text: [problem, ...steps].join("\n\n"), rounds };


for (const turn of [1, 2]) {
  for (const name of ["wllama", "minform"]) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(name, error.message));
    await page.goto(`${origin}/${name}`);
    await page.waitForFunction("window.compare");
    const found = await page.evaluate(`window.compare(${JSON.stringify(task)})`);
    const speeds = found.rounds.map((round) => (1000 * round.tokens) / (round.own ?? round.milliseconds)).sort((a, b) => a - b);
    const middle = speeds[Math.floor(speeds.length / 2)] ?? 0;
    console.log(
      `turn ${turn} ${name}: ${found.rounds[0]?.tokens} tokens; ${middle.toFixed(1)} tokens/s (${speeds[0]?.toFixed(1)} to ${speeds.at(-1)?.toFixed(1)}), first answer after ${(found.ready / 1000).toFixed(2)} s, ${found.threads} thread(s)`,
    );
    if (found.rounds[0]?.scores) console.log("  scores", found.rounds[0].scores.map((score) => score.toFixed(3)).join(" "));
    await page.close();
  }
}
const size = (path) => `${(statSync(path).size / 1e6).toFixed(2)} MB, ${(gzipSync(readFileSync(path)).length / 1e6).toFixed(2)} MB gzip`;
console.log("program: wllama", size(join(here, "node_modules/@wllama/wllama/esm/wasm/wllama.wasm")));
console.log("program: minform", size(join(engine, "minform_web_bg.wasm")));
console.log("model", `${(statSync(model).size / 1e6).toFixed(1)} MB`, "head", `${(statSync(head).size / 1e6).toFixed(3)} MB`);
await browser.close();
server.close();
