/**
 * Solutions to begin with. Their scores were recorded from the nano reward model by `npm run record`, or typed by hand
 * where it cannot read the text; the page says which.
 */

import recorded from "./recorded.json" with { type: "json" };
import type { Source } from "./state";

export interface Solution {
  problem: string;
  answer: string;
  steps: string[];
  scores: (number | null)[];
  tokens: number[];
  /** Index of the first wrong step, −1 for none. */
  label: number | null;
  source: Source;
  /** Whether an edit asks the model: it has to know the words. */
  rescore: boolean;
}

export interface Example {
  name: string;
  solution: Solution;
}

interface Given {
  problem: string;
  answer: string;
  /** Index of the first wrong step, −1 for none. */
  label: number;
  steps: string[];
  /** Where no model of ours can read the text. */
  typed?: number[];
}

const RECORDED: Record<string, { scores: number[]; tokens: number[] } | undefined> = recorded;

function example(name: string, { problem, answer, label, steps, typed }: Given): Example {
  const made = RECORDED[name];
  const scores = typed ?? made?.scores ?? steps.map(() => null);
  const tokens = made?.tokens ?? steps.map(() => 0);
  const source = typed === undefined ? "recorded" : "typed";
  return { name, solution: { problem, answer, steps, scores, tokens, label, source, rescore: typed === undefined } };
}

const SHELLS = "Sam owns 9 shells. He loses 3. Their number doubles. He sells 3 of them. How many shells are there?";
const PENS = "Leo has 11 pens. He gives away 4. He finds 3 more. He loses 5. How many pens are there?";

export const EXAMPLES: readonly [Example, ...Example[]] = [
  example("A slip, then small talk", {
    problem: SHELLS,
    answer: "9",
    label: 1,
    steps: ["9 - 3 = 6", "6 * 2 = 10", "Let us think.", "So far so good.", "10 - 3 = 7", "\\boxed{7}"],
  }),
  example("All right", {
    problem: SHELLS,
    answer: "9",
    label: -1,
    steps: ["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"],
  }),
  example("A forgotten operation", {
    problem: PENS,
    answer: "5",
    label: 1,
    steps: ["11 - 4 = 7", "7 - 5 = 2", "\\boxed{2}"],
  }),
  example("Right, in one step", {
    problem: PENS,
    answer: "5",
    label: -1,
    steps: ["11 - 4 = 7 + 3 = 10 - 5 = 5", "\\boxed{5}"],
  }),
  example("A wrong answer after right steps", {
    problem: PENS,
    answer: "5",
    label: 3,
    steps: ["11 - 4 = 7", "7 + 3 = 10", "10 - 5 = 5", "\\boxed{7}"],
  }),
  example("A proof, scored by hand", {
    problem: "Show that $n^2 + n$ is even for every whole number $n$.",
    answer: "",
    label: 2,
    steps: [
      "Write $n^2 + n = n(n + 1)$.",
      "Of two numbers that follow each other one is even.",
      "So both $n$ and $n + 1$ are even.",
      "A product with an even factor is even, so $n^2 + n$ is even.",
    ],
    typed: [0.98, 0.93, -0.86, 0.64],
  }),
];
