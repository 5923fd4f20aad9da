// The page of the peer: loads the model, then reads the text of one solution again and again.
import { Wllama, LoggerWithoutDebug } from "/peers/node_modules/@wllama/wllama/esm/index.js";

const WASM = "/peers/node_modules/@wllama/wllama/esm/wasm/wllama.wasm";

/** Seconds until the first answer, then tokens per second of each round, by the peer's own timer. */
window.compare = async ({ model, text, rounds }) => {
  const start = performance.now();
  const wllama = new Wllama({ default: WASM }, { logger: LoggerWithoutDebug, suppressNativeLog: true });
  const blob = await (await fetch(model)).blob();
  await wllama.loadModel([blob], { n_ctx: 1024, n_threads: 1, n_batch: 512, n_gpu_layers: 0 });
  const read = async () => {
    const before = performance.now();
    const answer = await wllama.createCompletion({ prompt: text, max_tokens: 1, temperature: 0, cache_prompt: false });
    const { prompt_n: tokens, prompt_ms: own } = answer.timings ?? {};
    return { tokens, own, milliseconds: performance.now() - before };
  };
  const first = await read();
  const ready = performance.now() - start;
  const all = [first];
  for (let round = 1; round < rounds; round++) all.push(await read());
  return { ready, rounds: all, threads: wllama.getNumThreads() };
};
