import { describe, expect, it } from "vitest";

import { type Steps, insert, merge, move, remove, rewrite, split } from "../../app/steps";

const three: Steps = { steps: ["a b", "c", "d"], scores: [0.1, 0.2, 0.3], tokens: [2, 1, 1] };

describe("edits of steps", () => {
  it("keep the scores before the edit and forget those of new steps", () => {
    const edit = rewrite(three, 1, ["x"]);
    expect(edit.steps).toEqual(["a b", "x", "d"]);
    expect(edit.scores).toEqual([0.1, null, 0.3]);
    expect(edit.validUntil).toBe(1);
  });

  it("a split makes two steps of one", () => {
    const edit = split(three, 0, 1);
    expect(edit.steps).toEqual(["a", "b", "c", "d"]);
    expect(edit.scores).toEqual([null, null, 0.2, 0.3]);
    expect(edit.validUntil).toBe(0);
  });

  it("a merge joins a step to the one before it, and the first has none", () => {
    expect(merge(three, 1)?.steps).toEqual(["a b c", "d"]);
    expect(merge(three, 0)).toBeNull();
  });

  it("a move is followed by the selection and ends at the edges", () => {
    const edit = move(three, 1, 1);
    expect(edit?.steps).toEqual(["a b", "d", "c"]);
    expect(edit?.selected).toBe(2);
    expect(move(three, 0, -1)).toBeNull();
    expect(move(three, 2, 1)).toBeNull();
  });

  it("a removal selects a step that is there", () => {
    const edit = remove(three, 2);
    expect(edit.steps).toEqual(["a b", "c"]);
    expect(edit.selected).toBe(1);
  });

  it("split and merge are inverse to each other", () => {
    const there = split(three, 0, 1);
    expect(merge(there, 1)?.steps).toEqual(three.steps);
  });

  it("an insertion keeps all lists of one length", () => {
    const edit = insert(three, 3, "e");
    expect(edit.steps).toEqual(["a b", "c", "d", "e"]);
    expect([edit.scores.length, edit.tokens.length]).toEqual([4, 4]);
  });
});
