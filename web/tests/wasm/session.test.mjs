/** Models and live RL through the build that runs in the worker, against the figures of the native program. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { build, json, model } from "./build.mjs";

const engine = await build("engine");
await engine.start("cpu");
const go = () => true;
const policy = await engine.Model.load(await model("web/models/nano/policy"), go);
const prm = await engine.Model.load(await model("web/models/nano/prm"), go);

// The channel over which the engine lets others have their turn keeps Node awake.
after(() => setImmediate(() => process.exit(process.exitCode ?? 0)));

test("the CPU passes its self-test", async () => {
  const checks = await engine.selfTest();
  assert.equal(checks.length, 4);
  assert.ok(checks.every((check) => check.passed && check.error === 0), JSON.stringify(checks));
});

test("a run has the figures of the native program", async () => {
  const { settings, tolerance, updates } = await json("web/tests/wasm/session.json");
  const found = [];
  const session = engine.Session.create(policy, prm, settings);
  await session.step(settings.updates, (event) => {
    if (event.event === "update") found.push(event);
    return true;
  });
  assert.equal(session.made(), settings.updates);
  assert.equal(found.length, updates.length);
  for (const [index, expected] of updates.entries()) {
    const { step, tokens, process_outcome, kl, entropy, grad_norm } = found[index];
    const figures = { step, tokens, outcome: process_outcome.mean, kl, entropy, gradient: grad_norm };
    for (const [key, value] of Object.entries(expected)) {
      const error = Math.abs(figures[key] - value);
      assert.ok(error <= tolerance * Math.max(1, Math.abs(value)), `update ${step}, ${key}: ${figures[key]}, not ${value}`);
    }
  }
});

test("an edited solution is read from the edit on", async () => {
  const { question, solution } = engine.problem(7, 0, 2);
  const judge = new engine.Judge(prm);
  const first = await judge.score(question, solution, go);
  assert.equal(first.kept, 0);
  assert.equal(first.scores.length, solution.length);
  const edited = [...solution.slice(0, -1), "\\boxed{0}"];
  const second = await judge.score(question, edited, go);
  assert.ok(second.kept > 0 && second.kept < second.total);
  const anew = await new engine.Judge(prm).score(question, edited, go);
  for (const [step, score] of anew.scores.entries()) assert.ok(Math.abs(score - second.scores[step]) < 1e-4);
});

test("work stops when it is asked to", async () => {
  const options = { temperature: 1, maxNewTokens: 64, seed: 1, samples: 4 };
  const writer = new engine.Writer(policy);
  let pieces = 0;
  const stopped = writer.write(engine.problem(7, 0, 2).question, options, () => ++pieces < 5);
  await assert.rejects(stopped, { name: "AbortError" });
  assert.ok(pieces >= 5 && pieces < 10);
  const session = engine.Session.create(policy, prm, { ...(await json("web/tests/wasm/session.json")).settings });
  await assert.rejects(session.step(1, () => false), { name: "AbortError" });
  assert.equal(session.made(), 0);
});

test("messages arrive while the engine works", async () => {
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const session = engine.Session.create(policy, prm, (await json("web/tests/wasm/session.json")).settings);
  await session.step(2, go);
  clearInterval(timer);
  assert.ok(turns > 5, `${turns} turns`);
});

test("broken files are refused with a message and leave the engine whole", async () => {
  const files = await model("web/models/nano/policy");
  const load = (changed) => engine.Model.load(files.map((file) => ({ ...file, ...changed(file) })), go);
  await assert.rejects(engine.Model.load([], go), /config\.json/);
  await assert.rejects(load((file) => ({ bytes: file.bytes.slice(0, 100) })), /config\.json|tokenizer/);
  const huge = new TextEncoder().encode(
    new TextDecoder().decode(files[0].bytes).replace(/"num_hidden_layers": \d+/, '"num_hidden_layers": 4000000000'),
  );
  await assert.rejects(load((file) => (file.name === "config.json" ? { bytes: huge } : {})), /weight files hold/);
  await assert.rejects(engine.Model.load([{ name: "x.gguf", bytes: Uint8Array.of(1, 2, 3) }], go), /GGUF/);
  await assert.rejects(async () => new engine.Judge(policy), /head/);
  assert.ok((await load(() => ({}))).info().parameters > 100_000);
});
