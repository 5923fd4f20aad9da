/** The numbers of the reference code through every build: that which the sliders call, and those with models. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { build, isBuilt, json } from "./build.mjs";

const names = ["credit", "engine", "webgpu"].filter(isBuilt);
const builds = await Promise.all(names.map(build));
// What all of them have.
const [credit] = builds;
const golden = await json("crates/credit/tests/fixtures/pure_golden.json");

const TOLERANCE = 1e-5;

function close(what, found, expected) {
  assert.equal(found.length, expected.length, what);
  for (const [index, value] of expected.entries()) {
    const error = Math.abs(found[index] - value);
    assert.ok(error <= TOLERANCE * Math.max(1, Math.abs(value)), `${what} ${index}: ${found[index]}, not ${value}`);
  }
}

for (const [at, build] of builds.entries()) {
  const checkForm = (what, rewards, form, expected) => {
    close(`${what}: transformed`, build.transformed(rewards, form), expected.transformed);
    close(`${what}: returns`, build.returns(rewards, form), expected.step_returns_gamma1);
  };
  for (const { name, r, outputs, ...others } of golden.transform.cases) {
    test(`transform, ${names[at]}: ${name}`, () => {
      const rewards = Float32Array.from(r);
      for (const output of outputs) {
        const temperature = output.T;
        close("weights", build.weights(rewards, temperature), output.weights);
        checkForm(`T = ${temperature}`, rewards, { form: "soft-min", temperature }, output);
        close("outcome", [build.aggregate(rewards, "soft-min", temperature)], [output.outcome_sum]);
      }
      checkForm("mean", rewards, { form: "mean" }, others.main_disable_weighted_reward);
      checkForm("sum", rewards, { form: "sum", gamma: 1 }, others.plain_sum_form_gamma1);
      close("limit", build.returns(rewards, { form: "exact-min" }), others.paper_limit_T_to_0.G);
    });
  }
}

/** The tokens of each step from the ids of the reference group, where 5 is a separator and 1 the end. */
function stepLengths(ids) {
  const ends = ids.flatMap((id, index) => (id === 5 || id === 1 ? [index] : []));
  return ends.map((end, step) => end - (step === 0 ? -1 : ends[step - 1]));
}

test("baselines per step and per token", () => {
  const { generated_ids: ids, r, step_baseline: byStep, token_baseline: byToken } = golden.hack_step_count_bias;
  const rows = r.map((rewards, index) => ({ rewards, tokens: stepLengths(ids[index]) }));
  const form = { form: "soft-min", temperature: 0.1 };
  for (const [baseline, expected] of [["rloo-step", byStep], ["rloo-token", byToken]]) {
    const found = credit.group(rows, form, baseline);
    close("outcome", found.map((row) => row.outcome), expected.outcome);
    for (const [index, row] of found.entries()) {
      // The reference masks the last token of each step; the one before it has the advantage of the step.
      const unmasked = row.advantages.map((_, step) => expected.advantages[index][firstToken(rows[index], step)]);
      close(`${baseline} ${index}`, row.advantages, unmasked);
    }
  }
});

function firstToken(row, step) {
  return row.tokens.slice(0, step).reduce((sum, tokens) => sum + tokens, 0);
}

test("values of another type are refused, not fatal", () => {
  assert.throws(() => credit.returns(Float32Array.of(1), { form: "median" }), /unknown variant/);
  assert.throws(() => credit.group([{ rewards: [1], tokens: [] }], { form: "mean" }, "none"), /length of tokens/);
  assert.throws(() => credit.aggregate(Float32Array.of(1), "median", 1), /unknown variant/);
  assert.deepEqual([...credit.returns(Float32Array.of(1), { form: "mean" })], [1]);
});

test("best of n", () => {
  const solution = (score, correct, answer) => ({ scores: [score], correct, answer });
  const problems = [{ solutions: [solution(0.9, false, "1"), solution(0.5, true, "2"), solution(0.1, false, "1")] }];
  const curves = credit.bestOfN(problems, [1, 3], 0.1);
  const point = (aggregate, n) => curves.find((point) => point.aggregate === aggregate && point.n === n).accuracy;
  close("one draw", ["min", "sum", "majority", "oracle"].map((how) => point(how, 1)), [1 / 3, 1 / 3, 1 / 3, 1 / 3]);
  close("all", ["min", "majority", "oracle"].map((how) => point(how, 3)), [0, 0, 1]);
});

test("steps of a text", () => {
  assert.deepEqual(credit.splitSteps("a\nb\n\n\nc\n", "\n\n"), ["a\nb", "c"]);
  assert.deepEqual(credit.splitSteps("a\nb\n\nc", "\n"), ["a", "b", "c"]);
  assert.deepEqual(credit.splitSteps("1. a 2. b", "/\\d\\. /"), ["a", "b"]);
  assert.throws(() => credit.splitSteps("a", "/(/"), /not a regular expression/);
  assert.equal(credit.firstError(Float32Array.of(0.5, -0.1), 0), 1);
  assert.deepEqual([...credit.futureMinima(Float32Array.of(0.5, -0.25, 0.75))], [-0.25, -0.25, 0.75]);
});

test("first errors", () => {
  const judged = (scores, label) => ({ scores, label });
  const { accuracyErroneous, accuracyCorrect, f1 } = credit.detection(
    [judged([0.5, -0.1], 1), judged([0.5, 0.1], 0), judged([0.1], -1)],
    0,
  );
  assert.deepEqual([accuracyErroneous, accuracyCorrect], [0.5, 1]);
  close("F1", [f1], [2 / 3]);
  assert.equal(credit.detection([judged([0.5], -1)], 0).f1, undefined);
});
