import { describe, expect, it } from "vitest";

import { verdict } from "../../charts/colour";
import { columns, scale } from "../../charts/scale";
import { bracketed, bytes, figure, percent } from "../../app/format";

describe("columns", () => {
  it("share the width evenly, or by their tokens", () => {
    expect(columns(4, 0, 100).map(({ left }) => left)).toEqual([0, 25, 50, 75]);
    expect(columns(2, 0, 100, [1, 3]).map(({ width }) => width)).toEqual([25, 75]);
  });

  it("have a width even without tokens", () => {
    expect(columns(2, 0, 10, [0, 0]).map(({ width }) => width)).toEqual([5, 5]);
  });
});

describe("a scale", () => {
  it("holds its values and has round ticks", () => {
    const { low, high, ticks } = scale(-0.91, 2.3, 0, 100);
    expect([low, high]).toEqual([-1, 3]);
    expect(ticks).toEqual([-1, 0, 1, 2, 3]);
  });

  it("has its highest value on top", () => {
    const { y } = scale(-1, 1, 10, 90);
    expect([y(1), y(0), y(-1)]).toEqual([10, 50, 90]);
  });
});

describe("verdicts", () => {
  it("are unsure near the threshold", () => {
    expect([0.9, 0.1, -0.9, null].map((score) => verdict(score, 0))).toEqual(["right", "unsure", "wrong", "unknown"]);
  });
});

describe("figures", () => {
  it("have a true minus, no negative nought, and a dash for nothing", () => {
    expect([figure(-0.5), figure(-0.001), figure(null), figure(NaN)]).toEqual(["−0.50", "0.00", "–", "–"]);
    expect(bracketed(-1)).toBe("(−1.00)");
    expect([percent(0.5), bytes(1_234_567)]).toEqual(["50 %", "1.2 MB"]);
  });
});
