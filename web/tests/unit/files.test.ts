import { describe, expect, it } from "vitest";

import { isState, parseState, readRows, writeState } from "../../app/files";
import { Refused } from "../../app/schema";
import { initialState } from "../../app/state";
import { csv } from "../../charts/svg";

describe("rows", () => {
  it("of minform prm score", () => {
    const row = { id: "a", problem: "p", steps: ["x", "y"], scores: [0.5, -0.5], first_error: 1, soft_min: -0.4, min: -0.5, label: 1 };
    expect(readRows(JSON.stringify(row))).toEqual([{ id: "a", problem: "p", steps: ["x", "y"], scores: [0.5, -0.5], label: 1 }]);
  });

  it("of ProcessBench, as an array", () => {
    const rows = readRows(JSON.stringify([{ id: "gsm8k-0", problem: "p", steps: ["x", "y"], label: -1, final_answer_correct: true }]));
    expect(rows[0]).toMatchObject({ id: "gsm8k-0", label: -1, scores: [] });
  });

  it("of TRL, as lines after a byte-order mark", () => {
    const line = JSON.stringify({ prompt: "p", completions: ["x", "y", "z"], labels: [true, false, true] });
    expect(readRows(`\uFEFF${line}\r\n\r\n${line}\n`)).toHaveLength(2);
    expect(readRows(line)[0]).toMatchObject({ problem: "p", label: 1 });
  });

  const wrong: [name: string, text: string][] = [
    ["nothing", ""],
    ["a line that is not JSON", '{"problem":"p","steps":["x"]}\nno'],
    ["a row without steps", '{"problem":"p"}'],
    ["steps that are not texts", '{"steps":[1]}'],
    ["more scores than steps", '{"steps":["x"],"scores":[1,1]}'],
    ["a number", "3"],
  ];
  it.each(wrong)("%s is refused", (_, text) => {
    expect(() => readRows(text)).toThrow(Refused);
  });
});

describe("a saved state", () => {
  it("is read as it was written", () => {
    const state = { ...initialState(), temperature: 0.5 };
    const text = writeState(state);
    expect(isState(text)).toBe(true);
    expect(parseState(text)).toEqual(state);
  });

  it("is checked like a link", () => {
    expect(() => parseState('{"minform_playground":{"temperature":99}}')).toThrow(Refused);
    expect(() => parseState("[]")).toThrow(Refused);
  });
});

describe("CSV", () => {
  it("quotes what needs it and defuses formulas", () => {
    const table = { columns: ["a", "b"], rows: [['x, "y"', -0.5], ["=1+1", null]] };
    expect(csv(table)).toBe('a,b\r\n"x, ""y""",-0.5\r\n\'=1+1,\r\n');
  });
});
