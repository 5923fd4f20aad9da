import { readFileSync } from "node:fs";

import { deflateSync, strToU8 } from "fflate";
import { describe, expect, it } from "vitest";

import { decode, encode } from "../../app/permalink";
import { Refused } from "../../app/schema";
import { type State, initialState } from "../../app/state";

const link = (fields: unknown): string => `#v1=${base64url(deflateSync(strToU8(JSON.stringify(fields))))}`;
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

describe("a link", () => {
  it("of a fresh page is empty", () => {
    expect(encode(initialState())).toBe("");
    expect(decode("")).toBeNull();
  });

  it("brings the state back", () => {
    const state: State = {
      ...initialState(),
      view: "group",
      problem: "Was ist 1 + 1? 数学 $x^2$",
      steps: ["1 + 1 = 2", "fertig"],
      scores: [0.5, null],
      tokens: [3, 1],
      temperature: 0.013,
      hidden: ["editor", "files"],
      group: [{ steps: ["a"], rewards: [-0.25], tokens: [2], correct: false }],
      training: { ...initialState().training, seed: 4294967295, learningRate: 3e-4 },
    };
    expect(decode(encode(state))).toEqual(state);
  });

  it("stays short for a long solution", () => {
    const steps = Array.from({ length: 20 }, (_, at) => `${at} + 1 = ${at + 1}`);
    const state = { ...initialState(), steps, scores: steps.map(() => 0.123456), tokens: steps.map(() => 6), label: null };
    expect(encode(state).length).toBeLessThan(1000);
  });

  it("brings lists to the number of steps", () => {
    const state = decode(link({ steps: ["a", "b"], scores: [0.5], label: 7 }));
    expect(state?.scores).toEqual([0.5, null]);
    expect(state?.tokens.length).toBe(2);
    expect(state?.label).toBeNull();
  });
});

describe("old links keep opening", () => {
  const fixtures = JSON.parse(readFileSync(new URL("fixtures/links.json", import.meta.url), "utf8")) as {
    name: string;
    fragment: string;
    holds: Partial<State>;
  }[];
  it.each(fixtures)("$name", ({ fragment, holds }) => {
    expect(decode(fragment)).toMatchObject(holds);
  });
});

describe("a hostile link is refused with a message", () => {
  const cases: [name: string, fragment: string][] = [
    ["an unknown version", "#v99=abc"],
    ["characters that are not base64url", "#v1=%3Cscript%3E"],
    ["noise", "#v1=AAAAAAAA"],
    ["a cut link", encode({ ...initialState(), problem: "x".repeat(500) }).slice(0, -9)],
    ["too many characters", `#v1=${"A".repeat(100_001)}`],
    ["a bomb", `#v1=${base64url(deflateSync(new Uint8Array(60_000_000)))}`],
    ["no object", link([1, 2])],
    ["null", link(null)],
    ["an unknown field", link({ onload: "alert(1)" })],
    ["a prototype", `#v1=${base64url(deflateSync(strToU8('{"__proto__":{"view":"train"}}')))}`],
    ["a score out of range", link({ steps: ["a"], scores: [2] })],
    ["a number as text", link({ temperature: "0.1" })],
    ["a view that is none", link({ view: "javascript:alert(1)" })],
    ["too many steps", link({ steps: Array.from({ length: 1000 }, () => "a") })],
    ["a long step", link({ steps: ["a".repeat(3000)] })],
    ["a temperature below zero", link({ temperature: -1 })],
    ["a fraction of a seed", link({ training: { ...initialState().training, seed: 0.5 } })],
    ["half of the training settings", link({ training: { seed: 1 } })],
  ];
  it.each(cases)("%s", (_, fragment) => {
    expect(() => decode(fragment)).toThrow(Refused);
  });
});
