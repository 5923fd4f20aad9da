/** Files that were damaged at random end in a message: nothing traps, and the engine goes on. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { build, model } from "./build.mjs";

const ROUNDS = 150;

const engine = await build("engine");
await engine.start("cpu");
const go = () => true;
const whole = await model("web/models/nano/policy");

after(() => setImmediate(() => process.exit(process.exitCode ?? 0)));

/** Numbers that look random and are the same each time (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A model with one file changed; whether it was read. */
async function load(name, change) {
  const files = whole.map((file) => (file.name === name ? { name, bytes: change(file.bytes) } : file));
  try {
    (await engine.Model.load(files, go)).free();
    return true;
  } catch (error) {
    assert.equal(error.name, "Error", `${name}: ${error.name}: ${error.message}`);
    assert.ok(error.message.length > 10, error.message);
    return false;
  }
}

test("the header of the weights", async () => {
  const draw = random(1);
  const header = Number(new DataView(whole.find(({ name }) => name.endsWith("safetensors")).bytes.buffer).getBigUint64(0, true));
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const damaged = (bytes) => {
      const copy = bytes.slice(0, round % 5 === 0 ? draw(bytes.length) : bytes.length);
      for (let count = draw(4) + 1; count > 0; count--) copy[draw(Math.min(copy.length, header + 8)) % copy.length] = draw(256);
      return copy;
    };
    refused += (await load("model.safetensors", damaged)) ? 0 : 1;
  }
  assert.ok(refused > ROUNDS / 2, `${refused} of ${ROUNDS} refused`);
});

test("the numbers of the configuration", async () => {
  const draw = random(2);
  const values = [0, 1, -1, 7, 65, 1e9, 4294967296, 1e30, 0.5, null, "64", [], {}];
  const config = JSON.parse(new TextDecoder().decode(whole.find(({ name }) => name === "config.json").bytes));
  const keys = Object.keys(config);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const key = keys[draw(keys.length)];
    const changed = { ...config, [key]: values[draw(values.length)] };
    refused += (await load("config.json", () => new TextEncoder().encode(JSON.stringify(changed)))) ? 0 : 1;
  }
  assert.ok(refused > ROUNDS / 3, `${refused} of ${ROUNDS} refused`);
});

test("the tokenizer", async () => {
  const draw = random(3);
  for (let round = 0; round < ROUNDS; round++) {
    await load("tokenizer.json", (bytes) => {
      const copy = bytes.slice();
      for (let count = draw(6) + 1; count > 0; count--) copy[draw(copy.length)] = draw(256);
      return copy;
    });
  }
});

test("afterwards the engine loads, and scores as before", async () => {
  const prm = await engine.Model.load(await model("web/models/nano/prm"), go);
  const { question, solution } = engine.problem(7, 0, 2);
  const { scores } = await new engine.Judge(prm).score(question, solution, go);
  assert.equal(scores.length, solution.length);
  assert.ok(scores.every((score) => score > 0.5), String(scores));
});
