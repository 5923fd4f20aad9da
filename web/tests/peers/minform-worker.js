import init, { Judge, Model, start } from "/engine/minform_web.js";

const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

self.onmessage = async ({ data: { model, head, problem, steps, rounds } }) => {
  try {
    const before = performance.now();
    await init();
    await start("cpu");
    const files = [
      { name: "model.gguf", bytes: await bytes(model) },
      { name: "head.safetensors", bytes: await bytes(head) },
    ];
    const prm = await Model.load(files, () => true);
    const all = [];
    let ready = 0;
    for (let round = 0; round < rounds; round++) {
      // A judge of its own for each round: nothing is kept from the one before.
      const judge = new Judge(prm);
      const started = performance.now();
      const { scores, total } = await judge.score(problem, steps, () => true);
      all.push({ tokens: total, milliseconds: performance.now() - started, scores });
      judge.free();
      if (round === 0) ready = performance.now() - before;
    }
    self.postMessage({ ready, rounds: all, threads: 1 });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
