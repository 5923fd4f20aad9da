/** V3: what the sum and the minimum pay for the same scores, step by step. */

import { type TemplateResult, css, html, nothing } from "lit";

import { counted, figure, short } from "../app/format";
import {
  equals,
  formula,
  futureMinimum,
  minReturn,
  result,
  softMinWeights,
  sub,
  sumReturn,
  terms,
  value,
} from "../app/maths";
import { Part, define, sheet } from "../app/part";
import "../app/slider";
import { type State, TEMPERATURE } from "../app/state";
import { type Frame, axes, chosen, frame, hits, laneBars } from "../charts/bars";
import "../charts/figure";
import type { Table } from "../charts/svg";
import { Width } from "../charts/width";

/** What is drawn of one lane. */
interface Lane {
  returns: number[];
  transformed: number[];
}

/** All numbers of both lanes, from the credit build. */
interface Lanes {
  rewards: number[];
  sum: Lane;
  min: Lane;
  weights: number[];
  minima: number[];
}

export class CreditView extends Part {
  static override styles = [
    sheet,
    css`
      .story {
        font-size: 1.15rem;
        font-weight: 600;
      }
      .lane {
        border-left: 5px solid var(--lane);
        padding-left: 0.9rem;
      }
      .head {
        align-items: end;
        justify-content: space-between;
      }
      .knob {
        display: flex;
        gap: 0.7rem;
        align-items: end;
        width: min(19rem, 100%);
      }
      .knob minform-slider {
        flex: 1;
        min-width: 0;
      }
      .outcome {
        font-size: 1.5rem;
        font-weight: 640;
        color: var(--lane);
        font-variant-numeric: tabular-nums;
      }
      .formula {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem 0.3rem;
        align-items: center;
      }
      .formulas {
        gap: 0.35rem 1.6rem;
      }
      .result {
        font-weight: 640;
      }
      .keys {
        display: flex;
        flex-wrap: wrap;
        gap: 0.1rem 1.1rem;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      .keys li {
        display: inline-flex;
        gap: 0.45rem;
        align-items: center;
      }
      .key {
        flex: none;
        width: 1.5rem;
        height: 0.7rem;
        border-radius: 2px;
        background: var(--lane);
      }
      .key.return {
        opacity: 0.32;
      }
      .key.exact {
        background: none;
        height: 0;
        border-radius: 0;
        border-top: 2px dashed var(--ink);
      }
      .key.hatch {
        background: repeating-linear-gradient(135deg, transparent 0 3px, var(--edge) 3px 4.5px);
      }
    `,
  ];
  #width = new Width(this);

  override render(): TemplateResult {
    const open = this.state.scores.filter((score) => score === null).length;
    if (open > 0 && !this.live.scoring) return this.#unscored(open);
    const lanes = this.#lanes();
    const range = [...lanes.sum.returns, ...lanes.min.returns, ...lanes.minima, ...lanes.rewards, 0];
    const area = frame({
      width: Math.max(280, this.#width.value - 22),
      height: 186,
      steps: lanes.rewards.length,
      low: Math.min(-0.5, ...range),
      high: Math.max(0.5, ...range),
      weights: this.state.perToken ? this.state.tokens : undefined,
    });
    return html`<div class="stack">
      <p class="story">${this.#story(lanes)}</p>
      ${this.#sumLane(lanes, area)} ${this.#minLane(lanes, area)} ${this.#keys()}
    </div>`;
  }

  /** What has no score has no pay. */
  #unscored(open: number): TemplateResult {
    const { length } = this.state.scores;
    const some = `${open} of ${counted(length, "step")} ${open === 1 ? "has" : "have"} no`;
    return html`<p class="story">${open === length ? "No step has a" : some} score yet, so nothing can be said of the pay.</p>`;
  }

  /** What the minimum is called at this temperature. */
  get #least(): string {
    return this.state.temperature > 0 ? "soft minimum" : "minimum";
  }

  #lanes(): Lanes {
    const { credit } = this.bench;
    const rewards = Float32Array.from(this.state.scores, (score) => score ?? 0);
    const { temperature } = this.state;
    const lane = (form: Parameters<typeof credit.returns>[1]): Lane => ({
      returns: [...credit.returns(rewards, form)],
      transformed: [...credit.transformed(rewards, form)],
    });
    const minima = [...credit.futureMinima(rewards)];
    const weights = [...credit.weights(rewards, temperature)];
    return { rewards: [...rewards], sum: lane(this.bench.sumForm()), min: lane(this.bench.minForm()), weights, minima };
  }

  #story({ sum, min, rewards }: Lanes): string {
    if (rewards.length === 0) return "There is no step to pay for.";
    const [total, least] = [sum.returns[0] ?? 0, min.returns[0] ?? 0];
    const paid = `The sum pays ${figure(total)} for this solution, the ${this.#least} ${figure(least)}.`;
    if (total > 0 && least < 0) return `${paid} Only the minimum minds the wrong step.`;
    if (total < 0 && least < 0) return `${paid} Both turn it down.`;
    return total > 0 && least > 0 ? `${paid} Both approve, but every further good step adds to the sum.` : paid;
  }

  #sumLane({ sum, rewards }: Lanes, area: Frame): TemplateResult {
    const { gamma } = this.state;
    const slider = html`<div class="knob">
      <minform-slider
        label="Discount γ"
        .value=${gamma}
        least="0"
        most="1"
        shown=${figure(gamma)}
        @adjust=${(event: CustomEvent<number>) => this.#adjust({ gamma: event.detail }, "γ to redraw")}
      ></minform-slider>
    </div>`;
    const from = Math.min(this.live.selected, rewards.length - 1);
    const discounted = rewards.slice(from).map((reward, at) => [gamma ** at, reward] as const);
    return this.#lane({
      name: "sum",
      title: "Sum",
      lane: sum,
      area,
      slider: this.shows("gamma") ? slider : nothing,
      formulas: html`${formula("return of the sum", sumReturn)} ${this.#numbers(sum, discounted)}`,
    });
  }

  #minLane({ min, rewards, weights, minima }: Lanes, area: Frame): TemplateResult {
    const from = Math.min(this.live.selected, rewards.length - 1);
    const weighted = rewards.slice(from).map((reward, at) => [weights[from + at] ?? 0, reward] as const);
    const least = html`<span class="formula" role="group" aria-label="exact minimum"
      >${futureMinimum}${equals}${result(minima[from] ?? 0)}</span
    >`;
    const weight = html`<span class="formula" role="group" aria-label="weight of the step"
      >${sub("w", from + 1)}${equals}${value(weights[from] ?? 0, 3)}</span
    >`;
    return this.#lane({
      name: "min",
      title: this.state.temperature > 0 ? "Soft minimum" : "Minimum",
      lane: min,
      minima,
      area,
      slider: this.shows("temperature") ? this.#temperature() : nothing,
      formulas: html`${formula("weights of the soft minimum", softMinWeights)} ${formula("its return", minReturn)}
      ${weight} ${this.#numbers(min, weighted)} ${least}`,
    });
  }

  #temperature(): TemplateResult {
    const { temperature } = this.state;
    return html`<div class="knob">
      <minform-slider
        label="Temperature T"
        logarithmic
        .value=${temperature || TEMPERATURE.least}
        least=${TEMPERATURE.least}
        most=${TEMPERATURE.most}
        shown=${temperature > 0 ? short(temperature) : "exact"}
        ?disabled=${temperature === 0}
        @adjust=${(event: CustomEvent<number>) => this.#adjust({ temperature: event.detail }, "T to redraw")}
      ></minform-slider>
      <button
        aria-pressed=${temperature === 0}
        @click=${() => this.#adjust({ temperature: temperature === 0 ? 0.1 : 0 }, "T to redraw")}
      >
        exact
      </button>
    </div>`;
  }

  #numbers({ returns }: Lane, pairs: (readonly [number, number])[]): TemplateResult {
    const from = Math.min(this.live.selected, returns.length - 1);
    return html`<span class="formula" role="group" aria-label=${`return of step ${from + 1} in numbers`}
      >${sub("G", from + 1)}${equals}${terms(pairs)}${equals}${result(returns[from] ?? 0)}</span
    >`;
  }

  #lane(given: {
    name: "sum" | "min";
    title: string;
    lane: Lane;
    minima?: number[];
    area: Frame;
    slider: TemplateResult | typeof nothing;
    formulas: TemplateResult;
  }): TemplateResult {
    const { name, title, lane, minima, area, slider, formulas } = given;
    const outcome = figure(lane.returns[0] ?? 0);
    const spoken = lane.returns.map((one, at) => `step ${at + 1} ${figure(one)}`).join(", ");
    return html`<section class="lane lane-${name} stack" aria-label=${`${title} of the step rewards`}>
      <div class="row head">
        <h2>${title} <span class="outcome">${outcome}</span></h2>
        ${slider}
      </div>
      <div class="row formulas">${formulas}</div>
      <minform-figure name="credit-${name}" label=${`the ${title.toLowerCase()}`} .table=${this.#table(lane, minima)}>
        <svg class="chart" viewBox="0 0 ${area.width} ${area.height}" role="img" aria-label=${`${title}: return of ${spoken}`}>
          ${chosen(area, this.live.selected)} ${axes(area)}
          ${laneBars(area, { ...lane, minima, colour: `var(--${name})`, selected: this.live.selected })}
          ${hits(area, (step) => this.bench.select(step))}
        </svg>
      </minform-figure>
    </section>`;
  }

  #keys(): TemplateResult {
    const key = (name: string, meaning: string): TemplateResult =>
      html`<li><span class="key ${name}"></span><span>${meaning}</span></li>`;
    return html`<div class="row spread small muted">
      <ul class="keys lane-min">
        ${key("return", "return from here on")} ${key("paid", "reward as it is paid")}
        ${key("exact", "lowest reward from here on")} ${key("hatch", "left out after the worst step")}
      </ul>
      <label>
        <input
          type="checkbox"
          .checked=${this.state.perToken}
          @change=${(event: Event) => this.bench.state.set({ perToken: (event.target as HTMLInputElement).checked })}
        />
        columns as wide as their tokens
      </label>
    </div>`;
  }

  #table({ returns, transformed }: Lane, minima?: number[]): Table {
    const exact = minima === undefined ? [] : ["lowest from here"];
    const row = (one: number, at: number): (string | number | null)[] => [
      String(at + 1),
      this.state.scores[at] ?? null,
      transformed[at] ?? 0,
      one,
      ...(minima === undefined ? [] : [minima[at] ?? 0]),
    ];
    return { columns: ["step", "reward", "paid", "return", ...exact], rows: returns.map(row) };
  }

  #adjust(change: Partial<State>, what: string): void {
    this.bench.adjust(change, what, Promise.resolve().then(() => this.updateComplete));
  }
}

define("minform-credit", CreditView);
