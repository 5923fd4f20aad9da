/** The solutions of a file together: which one is on screen, and how often the model finds the first error. */

import { type TemplateResult, css, html, nothing } from "lit";

import type { Detection } from "../engine/protocol";
import { messageOf, isCancelled } from "../engine/rpc";
import type { Imported } from "../app/files";
import { counted, figure, percent } from "../app/format";
import { Part, define, sheet } from "../app/part";

export class SetView extends Part {
  static override styles = [
    sheet,
    css`
      select {
        width: 100%;
      }
      progress {
        width: min(12rem, 100%);
      }
    `,
  ];
  static override properties = { ...Part.properties, done: { state: true } };

  /** How many of those to score have been, −1 while none is being scored. */
  declare done: number;
  #stop: AbortController | null = null;

  constructor() {
    super();
    this.done = -1;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.abort();
  }

  override render(): TemplateResult | typeof nothing {
    const { rows } = this.live;
    if (rows.length < 2) return nothing;
    const judged = rows.filter(isJudged);
    return html`<section class="card stack" aria-label="Solutions of the file">
      <h3>${counted(rows.length, "solution")} in the file</h3>
      <select aria-label="Solution of the file" @change=${this.#show}>
        ${rows.map(
          ({ id, problem, label }, at) =>
            html`<option value=${at} ?selected=${at === this.live.row}>${id}: ${truth(label)}${problem.slice(0, 80)}</option>`,
        )}
      </select>
      ${judged.length > 0 ? this.#figures(judged) : nothing} ${this.#scoring(rows)}
    </section>`;
  }

  /** As ProcessBench counts: with τ as it stands, over what has scores. */
  #figures(judged: (Imported & { label: number })[]): TemplateResult {
    const scored = judged.filter(isScored);
    const { threshold } = this.state;
    if (scored.length === 0) return html`<p class="small muted">None of them has scores yet.</p>`;
    const { f1, accuracyErroneous, accuracyCorrect }: Detection = this.bench.credit.detection(scored, threshold);
    const erroneous = scored.filter(({ label }) => label >= 0).length;
    const row = (name: string, value: string, of: string): TemplateResult =>
      html`<tr>
        <td>${name}</td>
        <td>${value}</td>
        <td>${of}</td>
      </tr>`;
    return html`<table>
      <caption>
        First errors found at τ = ${figure(threshold)}, in ${scored.length} of ${counted(judged.length, "judged solution")}
      </caption>
      <tbody>
        ${row("with an error, found exactly", percent(accuracyErroneous), `of ${erroneous}`)}
        ${row("without one, none found", percent(accuracyCorrect), `of ${scored.length - erroneous}`)}
        ${row("F1, the harmonic mean of both", f1 === undefined ? "–" : figure(100 * f1, 1), "")}
      </tbody>
    </table>`;
  }

  #scoring(rows: Imported[]): TemplateResult | typeof nothing {
    const waiting = rows.filter((row) => !isScored(row)).length;
    if (this.done >= 0) {
      return html`<div class="row" role="status">
        <progress max=${this.done + waiting} .value=${this.done} aria-label="Solutions scored"></progress>
        <span class="small">${this.done} of ${this.done + waiting}</span>
        <button @click=${() => this.#stop?.abort()}>Stop</button>
      </div>`;
    }
    if (waiting === 0) return nothing;
    return html`<div class="row">
      <button ?disabled=${this.live.models.prm === undefined} @click=${this.#score}>
        Score ${counted(waiting, "solution")} with the model
      </button>
    </div>`;
  }

  async #score(): Promise<void> {
    this.#stop = new AbortController();
    this.done = 0;
    try {
      for await (const _ of this.bench.scoreRows(this.#stop.signal)) this.done += 1;
    } catch (error) {
      if (!isCancelled(error)) this.bench.say(`Not all could be scored: ${messageOf(error)}.`, "error");
    }
    this.done = -1;
  }

  #show(event: Event): void {
    this.bench.showRow(Number((event.target as HTMLSelectElement).value));
  }
}

function isJudged(row: Imported): row is Imported & { label: number } {
  return row.label !== null;
}

function isScored({ steps, scores }: Imported): boolean {
  return scores.length === steps.length;
}

function truth(label: number | null): string {
  if (label === null) return "";
  return label < 0 ? "all right, " : `wrong from step ${label + 1}, `;
}

define("minform-set", SetView);
