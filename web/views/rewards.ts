/** V2: the reward of each step, the threshold, the first error and the worst step. */

import { type TemplateResult, css, html, nothing } from "lit";

import { counted, figure, percent } from "../app/format";
import { Part, define, sheet } from "../app/part";
import "../app/slider";
import { axes, chosen, frame, hits, rewardBars } from "../charts/bars";
import { icon, verdict } from "../charts/colour";
import "../charts/figure";
import type { Table } from "../charts/svg";
import { Width } from "../charts/width";

/** Share of unknown words from which a score is not to be trusted. */
const STRANGE = 0.05;

export class RewardsView extends Part {
  static override styles = [
    sheet,
    css`
      .head {
        align-items: end;
        justify-content: space-between;
      }
      minform-slider {
        width: min(10.5rem, 100%);
      }
    `,
  ];
  #width = new Width(this);

  override render(): TemplateResult {
    const { scores, threshold, label } = this.state;
    const known = scores.filter((score) => score !== null);
    const { firstError } = this.bench.credit;
    const first = known.length === scores.length ? firstError(Float32Array.from(known), threshold) : -1;
    const worst = known.length > 0 ? scores.indexOf(Math.min(...known)) : -1;
    const area = frame({
      width: Math.max(280, this.#width.value),
      height: 214,
      top: 50,
      steps: scores.length,
      low: -1,
      high: 1,
      weights: this.state.perToken ? this.state.tokens : undefined,
    });
    const { unknown } = this.live;
    return html`<div class="row head">
      <h2>What the reward model says</h2>
      ${this.shows("threshold") ? this.#threshold() : nothing}
    </div>
    <p class="small muted">A process reward model reads the solution and gives each step a score from −1, wrong, to 1, right.</p>
    ${unknown > STRANGE && this.state.source === "nano"
      ? html`<p class="small" role="note">
          The nano model does not know ${percent(unknown)} of these words: it was made for the arithmetic of the examples.
          What it says of this text means little.
        </p>`
      : nothing}
    <minform-figure
      name="step-rewards"
      label="What the reward model says"
      .summary=${this.#summary(first, worst, label)}
      .table=${this.#table()}
    >
      <svg class="chart" viewBox="0 0 ${area.width} ${area.height}" role="img" aria-label=${this.#spoken()}>
        ${chosen(area, this.live.selected)} ${axes(area)}
        ${rewardBars(area, scores, { threshold, worst, firstError: first, truth: label })}
        ${hits(area, (step) => this.bench.select(step))}
      </svg>
    </minform-figure>`;
  }

  #threshold(): TemplateResult {
    const { threshold } = this.state;
    return html`<minform-slider
      label="Threshold τ"
      .value=${threshold}
      least="-1"
      most="1"
      shown=${figure(threshold)}
      @adjust=${(event: CustomEvent<number>) =>
        this.bench.adjust({ threshold: event.detail }, "threshold to redraw", this.updateComplete)}
    ></minform-slider>`;
  }

  #summary(first: number, worst: number, label: number | null): string {
    if (worst < 0) return "No step has a score yet.";
    const open = this.state.scores.filter((score) => score === null).length;
    if (open > 0) return `${counted(open, "step")} of ${this.state.scores.length} without a score.`;
    const found = first < 0 ? "No step falls below τ." : `The first step below τ is step ${first + 1}.`;
    const lowest = `The lowest score, ${figure(this.state.scores[worst])}, is that of step ${worst + 1}.`;
    return `${found} ${lowest}${label === null ? "" : ` ${judged(first, label)}`}`;
  }

  #spoken(): string {
    const { scores, threshold } = this.state;
    const spoken = scores.map((score, at) => `step ${at + 1} ${figure(score)} ${verdict(score, threshold)}`);
    return `Step rewards: ${spoken.join(", ")}`;
  }

  #table(): Table {
    const { steps, scores, tokens, threshold } = this.state;
    const row = (step: string, at: number): (string | number | null)[] => {
      const of = verdict(scores[at], threshold);
      return [String(at + 1), step, scores[at] ?? null, `${icon(of)} ${of}`, String(tokens[at] ?? 0)];
    };
    return { columns: ["step", "text", "reward", "verdict", "tokens"], rows: steps.map(row) };
  }
}

/** The model's first error against the true one. */
function judged(first: number, label: number): string {
  if (first === label) return label < 0 ? "Truly all steps are right." : "That is the true first error.";
  if (label < 0) return "Truly all steps are right: a false alarm.";
  const truth = `The true first error is step ${label + 1}`;
  if (first < 0) return `${truth}: missed.`;
  return first < label ? `${truth}: found too early.` : `${truth}: found too late.`;
}

define("minform-rewards", RewardsView);
