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

const COINS = "Ana has 6 coins. She finds 5 more. She loses 4. Their number doubles. How many are left?";
const BOOKS = "Ben owns 8 books. He buys 4 more. Half are lost. He gets another 3. How many books are there?";

export const EXAMPLES: readonly [Example, ...Example[]] = [
  example("A slip, then small talk", {
    problem: COINS,
    answer: "14",
    label: 1,
    steps: ["6 + 5 = 11", "11 - 4 = 8", "Let us think.", "So far so good.", "8 * 2 = 16", "\\boxed{16}"],
  }),
  example("All right", {
    problem: COINS,
    answer: "14",
    label: -1,
    steps: ["6 + 5 = 11", "11 - 4 = 7", "7 * 2 = 14", "\\boxed{14}"],
  }),
  example("A forgotten operation", {
    problem: BOOKS,
    answer: "9",
    label: 1,
    steps: ["8 + 4 = 12", "12 + 3 = 15", "\\boxed{15}"],
  }),
  example("Everything in one step", {
    problem: BOOKS,
    answer: "9",
    label: -1,
    steps: ["8 + 4 = 12 / 2 = 6 + 3 = 9", "\\boxed{9}"],
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
