/** The step-count puzzle: one text, cut in two ways, with scores set by hand so that nothing else differs. */

import type { State } from "../app/state";

/** Scores and tokens are chosen so that outcome and length are equal: only the number of steps is not. */
export const PUZZLE: Pick<State, "problem" | "answer" | "form" | "baseline" | "group" | "groupSource"> = {
  problem: "Ana has 6 coins. She finds 5 more. She loses 4. Their number doubles. How many are left?",
  answer: "14",
  form: "exact-min",
  baseline: "rloo-step",
  groupSource: "typed",
  group: [
    {
      steps: ["6 + 5 = 11", "11 - 4 = 7", "7 * 2 = 14", "\\boxed{14}"],
      rewards: [0.9, 0.9, 0.9, 0.8],
      tokens: [6, 6, 6, 4],
      correct: true,
    },
    {
      steps: ["6 + 5 = 11", "11 - 4 = 7\n7 * 2 = 14", "\\boxed{14}"],
      rewards: [0.9, 0.9, 0.8],
      tokens: [6, 12, 4],
      correct: true,
    },
  ],
};
