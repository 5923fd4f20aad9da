/** The edits of a solution: how they are taken back, and the text that steps were cut from. */

import type { Solution } from "./examples";
import { SENTENCE, type State, isPattern } from "./state";

/** A solution as it was before an edit. */
type Before = Solution & { separator: string };

/** Edits that can be taken back. */
const KEPT = 50;

export class Edits {
  /** Newest last. */
  #past: { solution: Before; uncut: Uncut | null }[] = [];
  #uncut: Uncut | null = null;

  /** Whether there is one to take back. */
  get any(): boolean {
    return this.#past.length > 0;
  }

  /** Before an edit. */
  remember(state: Readonly<State>): void {
    const { problem, answer, steps, scores, tokens, label, source, rescore, separator } = state;
    const solution = { problem, answer, steps, scores, tokens, label, source, rescore, separator };
    this.#past = [...this.#past, { solution, uncut: this.#uncut }].slice(-KEPT);
  }

  /** The solution before the last edit. */
  undo(): Before | undefined {
    const before = this.#past.pop();
    this.#uncut = before?.uncut ?? null;
    return before?.solution;
  }

  /** Before another solution is opened. */
  forget(): void {
    this.#past = [];
    this.#uncut = null;
  }

  /** The text of steps: what they were cut from, or else the steps joined. */
  textOf({ steps, separator }: Pick<State, "steps" | "separator">): string {
    if (this.#uncut?.steps === steps) return this.#uncut.text;
    return steps.join(isPlain(separator) ? separator : "\n\n");
  }

  /** Notes what steps were cut from, so that another separator loses nothing. */
  cut(text: string, steps: string[]): void {
    this.#uncut = { text, steps };
  }
}

interface Uncut {
  text: string;
  steps: string[];
}

/** Whether a separator stands for itself, so that steps can be joined by it. */
function isPlain(separator: string): boolean {
  return separator !== SENTENCE && !isPattern(separator);
}
