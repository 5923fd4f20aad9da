/** Recorded: what larger policies became of under each form of credit, in the native program. */

import { type TemplateResult, css, html, nothing } from "lit";

import { messageOf } from "../engine/rpc";
import { Part, define, sheet } from "../app/part";
import { type Trace, fetchTraces } from "../app/traces";
import "../charts/curves";
import type { Series } from "../charts/curves";

/** The arms of `minform experiment credit-forms`, as they are named and drawn. */
const ARMS: [arm: string, name: string, colour: string, dash?: string][] = [
  ["sum", "sum", "--sum", "7 4"],
  ["sum-0.9", "sum, γ = 0.9", "--sum", "2 3"],
  ["mean", "mean", "--wrong", "7 4"],
  ["min-0.1", "soft minimum, T = 0.1", "--min"],
  ["min-0.01", "soft minimum, T = 0.01", "--min", "7 4"],
  ["min-1", "soft minimum, T = 1", "--min", "2 3"],
  ["exact-min", "exact minimum", "--right"],
  ["vr", "checked answers alone", "--ink"],
  ["min-vr-10", "soft minimum and 10 % checked", "--link", "7 4"],
  ["min-vr-100", "soft minimum and all checked", "--link", "2 3"],
];
const AT_FIRST = ["sum", "min-0.1", "vr"];

const FIGURES: [field: "sampled" | "outcome" | "steps" | "auc", heading: string, most: number | null][] = [
  ["sampled", "Right answers to held-out problems", 1],
  ["outcome", "What the reward model pays", null],
  ["steps", "Steps of a response", null],
  ["auc", "How well the reward model still judges (AUC)", 1],
];

export class Larger extends Part {
  static override styles = [
    sheet,
    css`
      .charts {
        display: grid;
        gap: 1rem;
        grid-template-columns: minmax(0, 1fr);
      }
      @container page (min-width: 700px) {
        .charts {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
      }
      fieldset {
        border: 0;
        margin: 0;
        padding: 0;
      }
    `,
  ];
  static override properties = {
    ...Part.properties,
    traces: { state: true },
    failure: { state: true },
    arms: { state: true },
    seed: { state: true },
    cursor: { state: true },
  };

  declare traces: Trace[];
  declare failure: string;
  declare arms: string[];
  /** −1 for the mean of all. */
  declare seed: number;
  declare cursor: number | null;

  constructor() {
    super();
    Object.assign(this, { traces: [], failure: "", arms: AT_FIRST, seed: -1, cursor: null });
  }

  override render(): TemplateResult {
    return html`<details class="card" @toggle=${this.#open}>
      <summary>Recorded: a larger policy under ten forms of credit</summary>
      <div class="stack">
        <p class="small muted">
          Not live: 50 runs of <code>minform experiment credit-forms</code>, 100 updates each, with policies and reward
          models of 0.35 M parameters. Their whole story is in docs/results.md of the repository.
        </p>
        ${this.failure === "" ? nothing : html`<p role="alert">${this.failure}</p>`}
        ${this.traces.length === 0 ? nothing : html`${this.#choice()}${this.#charts()}`}
      </div>
    </details>`;
  }

  #choice(): TemplateResult {
    const seeds = [...new Set(this.traces.map(({ seed }) => seed))];
    const box = ([arm, name]: (typeof ARMS)[number]): TemplateResult =>
      html`<label class="row small">
        <input type="checkbox" .checked=${this.arms.includes(arm)} @change=${() => this.#turn(arm)} />${name}
      </label>`;
    return html`<fieldset class="row">
        <legend class="unseen">Forms of credit</legend>
        ${ARMS.map(box)}
      </fieldset>
      <label class="row small">
        Runs
        <select @change=${(event: Event) => (this.seed = Number((event.target as HTMLSelectElement).value))}>
          <option value="-1">mean of ${seeds.length} seeds</option>
          ${seeds.map((seed) => html`<option value=${seed} ?selected=${seed === this.seed}>seed ${seed}</option>`)}
        </select>
      </label>`;
  }

  #charts(): TemplateResult {
    const drawn = ARMS.filter(([arm]) => this.arms.includes(arm));
    return html`<div class="charts">
      ${FIGURES.map(
        ([field, heading, most]) =>
          html`<minform-curves
            .name=${`recorded-${field}`}
            .heading=${heading}
            .series=${drawn.map(([arm, name, colour, dash]): Series => {
              const points = this.#points(arm, field);
              return { name, colour: `var(${colour})`, points, ...(dash === undefined ? {} : { dash }) };
            })}
            .cursor=${this.cursor}
            .least=${field === "auc" ? 0.5 : 0}
            .most=${most}
            .span=${100}
            @cursor=${(event: CustomEvent<number | null>) => (this.cursor = event.detail)}
          ></minform-curves>`,
      )}
    </div>`;
  }

  /** The chosen seed, or the mean of all of them at each evaluation. */
  #points(arm: string, field: (typeof FIGURES)[number][0]): [number, number][] {
    const runs = this.traces.filter((trace) => trace.arm === arm && (this.seed < 0 || trace.seed === this.seed));
    const steps = [...new Set(runs.flatMap(({ rows }) => rows.map(({ step }) => step)))].toSorted((a, b) => a - b);
    return steps.flatMap((step): [number, number][] => {
      const values = runs.flatMap(({ rows }) => rows.filter((row) => row.step === step).map((row) => row[field]));
      const known = values.filter((value) => value !== null);
      return known.length === 0 ? [] : [[step, known.reduce((sum, value) => sum + value, 0) / known.length]];
    });
  }

  #turn(arm: string): void {
    this.arms = this.arms.includes(arm) ? this.arms.filter((one) => one !== arm) : [...this.arms, arm];
  }

  /** Fetched when somebody looks. */
  async #open(event: Event): Promise<void> {
    if (!(event.target as HTMLDetailsElement).open || this.traces.length > 0) return;
    try {
      this.failure = "";
      this.traces = await fetchTraces(this.bench.addresses.recorded);
    } catch (error) {
      this.failure = messageOf(error);
    }
  }
}

define("minform-larger", Larger);
