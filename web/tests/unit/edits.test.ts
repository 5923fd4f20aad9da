import { describe, expect, it } from "vitest";

import { Edits } from "../../app/edits";
import { initialState } from "../../app/state";

describe("edits", () => {
  it("are taken back one by one", () => {
    const edits = new Edits();
    const first = initialState();
    edits.remember(first);
    edits.remember({ ...first, steps: ["a"], separator: "\n" });
    expect(edits.undo()?.steps).toEqual(["a"]);
    expect(edits.undo()?.steps).toBe(first.steps);
    expect(edits.undo()).toBeUndefined();
    expect(edits.any).toBe(false);
  });

  it("know the text that steps were cut from, until the steps are others", () => {
    const edits = new Edits();
    const steps = ["a", "b"];
    expect(edits.textOf({ steps, separator: "\n" })).toBe("a\nb");
    expect(edits.textOf({ steps, separator: "/x/" })).toBe("a\n\nb");
    edits.cut("a = b", steps);
    expect(edits.textOf({ steps, separator: " = " })).toBe("a = b");
    expect(edits.textOf({ steps: ["a", "b"], separator: " = " })).toBe("a = b");
    expect(edits.textOf({ steps: ["a", "c"], separator: "/x/" })).toBe("a\n\nc");
    edits.forget();
    expect(edits.textOf({ steps, separator: "/x/" })).toBe("a\n\nb");
  });
});
