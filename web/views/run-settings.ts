/** The settings of a live run. They count from the next run on. */

import { type TemplateResult, css, html } from "lit";

import { Part, define, sheet } from "../app/part";
import { TRAINING, type Training } from "../app/state";
import type { Watched } from "../app/store";

/** What can be set, with its bounds and step. */
const FIELDS: [key: keyof Training, name: string, least: number, most: number, step: number | "any"][] = [
  ["seed", "seed", 0, 4294967295, 1],
  ["updates", "updates", 1, 400, 1],
  ["learningRate", "learning rate", 0.000001, 0.01, "any"],
  ["prompts", "problems an update", 1, 64, 1],
  ["samples", "samples a problem", 2, 16, 1],
  ["kl", "weight of KL", 0, 1, "any"],
  ["temperature", "T of the minimum", 0.001, 10, "any"],
  ["gamma", "γ of the sum", 0, 1, "any"],
  ["verifiableShare", "share of checked answers", 0, 1, "any"],
  ["evaluateEvery", "updates between evaluations", 1, 100, 1],
];

export class RunSettings extends Part {
  static override styles = [
    sheet,
    css`
      .fields {
        display: grid;
        gap: 0.7rem 1rem;
        grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr));
      }
      .fields input {
        width: 100%;
      }
    `,
  ];

  protected override watched(): Watched[] {
    return [...super.watched(), this.bench.training.store];
  }

  override render(): TemplateResult {
    const { run } = this.bench.training.store.value;
    const settings = this.state.training;
    return html`<details>
      <summary>Settings${run === null ? "" : ", for the next run"}</summary>
      <div class="stack">
        <div class="fields">
          ${FIELDS.map(
            ([key, name, least, most, step]) =>
              html`<label class="field">
                <span>${name}</span>
                <input
                  type="number"
                  min=${least}
                  max=${most}
                  step=${step}
                  .value=${String(settings[key])}
                  title=${`from ${least} to ${most}`}
                  @change=${(event: Event) => this.#set(key, event, least, most, step)}
                />
              </label>`,
          )}
        </div>
        <div class="row">
          <button @click=${() => this.bench.state.set({ training: { ...TRAINING } })}>Defaults</button>
        </div>
      </div>
    </details>`;
  }

  #set(key: keyof Training, event: Event, least: number, most: number, step: number | "any"): void {
    const input = event.target as HTMLInputElement;
    if (!Number.isFinite(input.valueAsNumber)) {
      input.value = String(this.state.training[key]);
      return;
    }
    const typed = step === 1 ? Math.round(input.valueAsNumber) : input.valueAsNumber;
    const value = Math.min(most, Math.max(least, typed));
    input.value = String(value);
    this.bench.state.set({ training: { ...this.state.training, [key]: value } });
  }
}

define("minform-run-settings", RunSettings);
