/** Edits of a list of steps. Each returns the new lists and the first step whose score no longer holds. */

import { LIMITS } from "./state";

/** Lists of one length: a score is null until it is known, a token count 0. */
export interface Steps {
  steps: string[];
  scores: (number | null)[];
  tokens: number[];
}

export interface Edit extends Steps {
  /** Scores hold before this step: a PRM reads a solution from its beginning. */
  validUntil: number;
  /** The step to look at next. */
  selected: number;
}

/** Replaces the steps from `at` on, `removed` of them, by `texts`. */
function splice(before: Steps, at: number, removed: number, texts: string[], selected = at): Edit {
  const replace = <T>(values: T[], inserted: T[]): T[] => values.toSpliced(at, removed, ...inserted).slice(0, LIMITS.steps);
  const steps = replace(before.steps, texts);
  return {
    steps,
    scores: replace(before.scores, texts.map(() => null)),
    tokens: replace(before.tokens, texts.map(() => 0)),
    validUntil: Math.min(at, steps.length),
    selected: Math.max(0, Math.min(selected, steps.length - 1)),
  };
}

/** The step now reads `texts`: one of them, or several if a separator was typed into it. */
export function rewrite(before: Steps, at: number, texts: string[]): Edit {
  return splice(before, at, 1, texts.length > 0 ? texts : [""]);
}

/** Cuts a step in two at a character. */
export function split(before: Steps, at: number, character: number): Edit {
  const step = before.steps[at] ?? "";
  return splice(before, at, 1, [step.slice(0, character).trimEnd(), step.slice(character).trimStart()]);
}

/** Joins a step to the one before it. */
export function merge(before: Steps, at: number): Edit | null {
  const [first, second] = [before.steps[at - 1], before.steps[at]];
  return first === undefined || second === undefined ? null : splice(before, at - 1, 2, [`${first} ${second}`.trim()]);
}

/** Moves a step one place up or down. */
export function move(before: Steps, at: number, by: -1 | 1): Edit | null {
  const [low, high] = by < 0 ? [at - 1, at] : [at, at + 1];
  const [first, second] = [before.steps[low], before.steps[high]];
  return first === undefined || second === undefined ? null : splice(before, low, 2, [second, first], at + by);
}

export function remove(before: Steps, at: number): Edit {
  return splice(before, at, 1, []);
}

export function insert(before: Steps, at: number, step = ""): Edit {
  return splice(before, at, 0, [step]);
}
