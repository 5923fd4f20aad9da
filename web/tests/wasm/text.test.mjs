/** Requests in text, as hosts without JavaScript make them, give what the functions for the page give. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { build, isBuilt, json, model } from "./build.mjs";

const engine = isBuilt("engine") ? await build("engine") : undefined;
const ask = (request) => JSON.parse(engine.answerText(JSON.stringify(request)));
const skip = engine === undefined && "the build engine has not been made";

test("credit", { skip }, () => {
  const rows = [
    { rewards: [0.9, -0.2], tokens: [3, 4] },
    { rewards: [0.5], tokens: [5] },
  ];
  const form = { form: "soft-min", temperature: 0.1 };
  const found = ask({ ask: "credit", rows, form, baseline: "rloo-token" });
  for (const [at, { advantages, outcome }] of engine.group(rows, form, "rloo-token").entries()) {
    assert.deepEqual(Float32Array.from(found[at].advantages), Float32Array.from(advantages));
    assert.equal(Math.fround(found[at].outcome), outcome);
  }
  assert.deepEqual(Float32Array.from(found[0].weights), engine.weights(Float32Array.of(0.9, -0.2), 0.1));
});

test("scores, and what they say", { skip }, async () => {
  const recorded = (await json("web/app/recorded.json"))["All right"].scores;
  const problem = "Sam owns 9 shells. He loses 3. Their number doubles. He sells 3 of them. How many shells are there?";
  const score = { ask: "score", problem, steps: ["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"] };
  assert.match(ask(score).error, /no reward model/);
  const files = await model("web/models/nano/prm");
  assert.equal(engine.loadText(...files.map(({ bytes }) => bytes)), "{}");
  const { scores, unknown } = ask(score);
  assert.equal(unknown, 0);
  for (const [at, expected] of recorded.entries()) assert.ok(Math.abs(scores[at] - expected) < 2e-4, `step ${at}`);
  const judged = ask({ ask: "judge", scores: [0.5, -0.25], threshold: 0, temperature: 0.1 });
  assert.deepEqual([judged.first_error, judged.min, judged.sum], [1, -0.25, 0.25]);
});

test("steps of a text", { skip }, () => {
  assert.deepEqual(ask({ ask: "split", text: "a\n\nb", separator: "\n\n" }), ["a", "b"]);
  assert.match(ask({ ask: "split", text: "a", separator: "/(/" }).error, /not a regular expression/);
});

test("what is no request is refused in words", { skip }, () => {
  assert.match(JSON.parse(engine.answerText("{")).error, /EOF/);
  assert.match(ask({ ask: "colour" }).error, /unknown variant/);
  assert.match(JSON.parse(engine.loadText(new Uint8Array(), new Uint8Array(), new Uint8Array())).error, /./);
});
