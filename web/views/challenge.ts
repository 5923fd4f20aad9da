/** "Fool it": write a wrong solution that the reward model approves of. The exact checker says whether it is wrong. */

import { type TemplateResult, css, html, nothing } from "lit";

import type { WorldProblem } from "../engine/protocol";
import { messageOf } from "../engine/rpc";
import { figure } from "../app/format";
import { Part, define, sheet } from "../app/part";
import { LIMITS } from "../app/state";

interface Attempt {
  steps: string[];
  sum: number;
  min: number;
  correct: boolean;
  /** Nobody is fooled by a solution that gives none. */
  hasAnswer: boolean;
}

const LEVEL = 2;
const KEPT = 5;

export class Challenge extends Part {
  static override styles = [
    sheet,
    css`
      .won {
        border-left: 5px solid var(--accent);
        padding-left: 0.8rem;
      }
    `,
  ];
  static override properties = {
    ...Part.properties,
    problem: { state: true },
    index: { state: true },
    attempts: { state: true },
    busy: { state: true },
  };

  declare problem: WorldProblem | null;
  declare index: number;
  declare attempts: Attempt[];
  declare busy: boolean;

  constructor() {
    super();
    this.problem = null;
    this.index = 0;
    this.attempts = [];
    this.busy = false;
  }

  override render(): TemplateResult {
    return html`<section class="card stack" aria-label="Fool it">
      <h2>Fool it</h2>
      <p>
        Write a solution with a wrong answer that the reward model still approves of. Your score is what the minimum pays
        for it; the answer is checked exactly.
      </p>
      ${this.problem === null ? this.#begin() : this.#game(this.problem)}
    </section>`;
  }

  #begin(): TemplateResult {
    return html`<div class="row">
      <button class="primary" ?disabled=${this.live.engine !== "ready"} @click=${() => this.#next(0)}>Begin</button>
    </div>`;
  }

  #game({ question }: WorldProblem): TemplateResult {
    return html`<p><strong>${question}</strong></p>
      <label class="field">
        <span>Your solution, a blank line between steps</span>
        <textarea rows="6" maxlength=${LIMITS.text} placeholder=${"11 - 4 = 8\n\n…\n\n\\boxed{8}"}></textarea>
      </label>
      <div class="row">
        <button class="primary" ?disabled=${this.busy} @click=${this.#judge}>Judge it</button>
        <button @click=${() => this.#next(this.index + 1)}>Another problem</button>
      </div>
      ${this.attempts.length === 0 ? nothing : this.#table()}`;
  }

  #table(): TemplateResult {
    const [latest] = this.attempts;
    const row = ({ steps, sum, min, ...attempt }: Attempt): TemplateResult => html`<tr>
      <td>${steps.join(" · ").slice(0, 80)}</td>
      <td>${!attempt.hasAnswer ? "none, does not count" : attempt.correct ? "right, does not count" : "wrong"}</td>
      <td>${figure(sum)}</td>
      <td>${figure(min)}</td>
    </tr>`;
    return html`<p class=${latest !== undefined && fooled(latest) ? "won" : ""} role="status">
        ${latest === undefined ? nothing : outcome(latest)}
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Attempts">
        <table>
          <thead>
            <tr>
              ${["attempt", "answer", "sum", "minimum"].map((name) => html`<th scope="col">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${this.attempts.map(row)}
          </tbody>
        </table>
      </div>`;
  }

  async #next(index: number): Promise<void> {
    const { seed } = this.state.training;
    this.index = index;
    this.problem = await this.bench.engine.call("problem", { seed, index, level: LEVEL });
    this.attempts = [];
  }

  async #judge(): Promise<void> {
    const { problem } = this;
    const text = this.renderRoot.querySelector("textarea")?.value ?? "";
    const steps = this.bench.credit.splitSteps(text, "\n\n").slice(0, LIMITS.steps);
    if (problem === null) return;
    if (steps.length === 0) {
      this.bench.say("Write a solution first.", "error");
      return;
    }
    this.busy = true;
    try {
      const values = Float32Array.from((await this.bench.score(problem.question, steps)).scores);
      const { correct, found } = await this.bench.engine.call("grade", { text, answer: problem.answer });
      const attempt = {
        steps,
        sum: this.bench.credit.aggregate(values, "sum", 0.1),
        min: this.bench.credit.aggregate(values, "min", 0.1),
        correct,
        hasAnswer: /\\boxed\{/.test(text) && found !== undefined,
      };
      this.attempts = [attempt, ...this.attempts].slice(0, KEPT);
    } catch (error) {
      this.bench.say(`It could not be judged: ${messageOf(error)}`, "error");
    }
    this.busy = false;
  }
}

function fooled({ correct, hasAnswer, min }: Attempt): boolean {
  return hasAnswer && !correct && min > 0;
}

function outcome(attempt: Attempt): string {
  const { correct, hasAnswer, sum, min } = attempt;
  if (!hasAnswer) return "There is no answer in a \\boxed{…}, so there is nothing to be fooled by.";
  if (correct) return "The answer is right: nobody was fooled.";
  if (fooled(attempt)) return `You fooled it: a wrong answer for which the minimum pays ${figure(min)}.`;
  return `Not fooled: the minimum pays ${figure(min)}${sum > 0 ? `, though the sum would pay ${figure(sum)}` : ""}.`;
}

define("minform-challenge", Challenge);
