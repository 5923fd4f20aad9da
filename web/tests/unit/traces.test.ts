import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { readTraces } from "../../app/traces";

const SUMMARY = fileURLToPath(new URL("../../../docs/results/credit-forms/summary.csv", import.meta.url));

describe("recorded runs", () => {
  it("are read whole", () => {
    const traces = readTraces(readFileSync(SUMMARY, "utf8"));
    expect(traces).toHaveLength(50);
    expect(traces.every(({ rows }) => rows.length === 11 && rows.at(-1)?.step === 100)).toBe(true);
    expect(traces[0]?.rows[0]?.outcome).toBeNull();
  });

  it("need their columns", () => {
    expect(() => readTraces("arm,seed,step\nsum,0,0")).toThrow("no column sampled, steps, auc, outcome");
  });
});
