/** Numbers of the reference code, as the wasm build of the page computes them. */

import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import * as credit from "../../app/wasm/credit/minform_web";

interface Output {
  T: number;
  weights: number[];
  transformed: number[];
  outcome_sum: number;
  step_returns_gamma1: number[];
}

const file = (path: string): Buffer => readFileSync(new URL(path, import.meta.url));
const golden = JSON.parse(file("../../../crates/credit/tests/fixtures/pure_golden.json").toString()) as {
  transform: { cases: { name: string; r: number[]; outputs: Output[] }[] };
};

credit.initSync({ module: file("../../app/wasm/credit/minform_web_bg.wasm") });

function close(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, at) => expect(found[at]).toBeCloseTo(value, 5));
}

describe("soft minimum", () => {
  const cases = golden.transform.cases.flatMap(({ name, r, outputs }) => outputs.map((output) => ({ name, r, ...output })));
  it.each(cases)("$name at T = $T", ({ r, T, weights, transformed, outcome_sum, step_returns_gamma1 }) => {
    const rewards = Float32Array.from(r);
    const form = { form: "soft-min", temperature: T } as const;
    close(credit.weights(rewards, T), weights);
    close(credit.transformed(rewards, form), transformed);
    close(credit.returns(rewards, form), step_returns_gamma1);
    expect(credit.aggregate(rewards, "soft-min", T)).toBeCloseTo(outcome_sum, 5);
  });
});

describe("relations", () => {
  const rewards = Float32Array.from([0.5, -0.2, 0.9, 0.1]);

  it("T → 0 gives the exact minimum", () => {
    const soft = credit.returns(rewards, { form: "soft-min", temperature: 1e-4 });
    close(soft, [...credit.returns(rewards, { form: "exact-min" })]);
  });

  it("the lowest reward from each step on", () => {
    close(credit.futureMinima(rewards), [-0.2, -0.2, 0.1, 0.1]);
  });

  it("leave-one-out baselines take nothing from a group of one", () => {
    const [only] = credit.group([{ rewards: [0.5], tokens: [3] }], { form: "exact-min" }, "rloo-token");
    close(only?.advantages ?? [], [0.5]);
  });

  it("the best of all is the oracle's where the scores are true", () => {
    const solutions = [true, false, false].map((correct) => ({ scores: [correct ? 0.9 : -0.9], correct }));
    const points = credit.bestOfN([{ solutions }], [1, 3], 0.1);
    const at = (aggregate: string, n: number): number | undefined =>
      points.find((point) => point.aggregate === aggregate && point.n === n)?.accuracy;
    expect(at("min", 1)).toBeCloseTo(1 / 3, 6);
    expect(at("min", 3)).toBe(1);
    expect(at("oracle", 3)).toBe(1);
  });
});
