/** V4: a group of samples of one problem, as training sees it: what each step earns against the others. */

import { type TemplateResult, css, html, nothing } from "lit";

import type { Form, RowCredit, Written } from "../engine/protocol";
import { isCancelled, messageOf } from "../engine/rpc";
import { counted, figure } from "../app/format";
import { Part, define, sheet } from "../app/part";
import { type FormName, LIMITS, type SampleRow, type State, withTokens } from "../app/state";
import { diverging, icon, verdict } from "../charts/colour";
import "../charts/figure";
import { csv, save } from "../charts/svg";
import { PUZZLE } from "./puzzle";
import { styled } from "../app/styled";
import "../app/tex";

const BASELINES: Record<State["baseline"], [name: string, meaning: string]> = {
  none: ["none", "The return itself."],
  "group-mean": ["mean of the group", "The outcome less the mean outcome of the group, the same for every step."],
  "rloo-step": ["leave one out, per step", "Every step pays what a step of the others earned. More steps pay more often."],
  "rloo-token": ["leave one out, per token", "Every token pays what a token of the others earned, however it is cut."],
  "rloo-paper": ["leave one out, as in the paper", "Each return less the others' returns, averaged over tokens (Eq. 7)."],
  grpo: ["GRPO", "The outcome in standard deviations from the mean of the group."],
};

const FORMS: Record<FormName, string> = {
  sum: "sum",
  mean: "mean",
  "soft-min": "soft minimum",
  "exact-min": "exact minimum",
};

/** Samples that are written at once. */
const SAMPLES = 6;
const LONGEST_SAMPLE = 64;

/** Differences of the first advantage, for a text whose worst step scores 0.8. */
const TIED = 5e-4;
const NEARLY_TIED = 0.1;

const LESSONS: Record<"tied" | "nearly" | "apart", [title: string, moral: string]> = {
  tied: ["A tie, as it should be", "Cutting the text differently earns nothing."],
  nearly: [
    "Nearly a tie",
    "What is left comes from the tokens that end a step: they count in the length of a response, but not in its steps.",
  ],
  apart: ["Same text, other credit", "A policy that learns from this learns to write fewer steps, until one is left."],
};

export class GroupView extends Part {
  static override styles = [
    sheet,
    css`
      td.cell {
        min-width: 4.2rem;
        padding: 0.3rem 0.45rem;
        text-align: center;
        border: 2px solid var(--surface);
        border-radius: 8px;
        line-height: 1.25;
      }
      td.cell .text {
        display: block;
        max-width: 10rem;
        margin: auto;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        font-size: 0.8rem;
        color: var(--muted);
      }
      .total {
        font-weight: 620;
      }
      .story {
        border-left: 5px solid var(--accent);
      }
      th .unit {
        font-weight: 400;
      }
    `,
  ];
  static override properties = { ...Part.properties, shown: { state: true }, writing: { state: true } };

  /** What the cells show. */
  declare shown: "advantages" | "rewards" | "returns";
  declare writing: AbortController | null;

  constructor() {
    super();
    this.shown = "advantages";
    this.writing = null;
  }

  override render(): TemplateResult {
    const { group } = this.state;
    return html`<div class="stack">
      <section class="card stack" aria-label="Group">
        <div class="row spread">
          <h2>One problem, ${group.length === 0 ? "many samples" : counted(group.length, "sample")}</h2>
          <div class="row">
            <button @click=${this.#openPuzzle}>The step-count puzzle</button>
            ${this.writing === null
              ? html`<button
                  class="primary"
                  ?disabled=${this.live.models.policy === undefined || this.state.problem === ""}
                  @click=${this.#write}
                >
                  Sample the policy
                </button>`
              : html`<button @click=${() => this.writing?.abort()}>Stop</button>`}
          </div>
        </div>
        ${this.state.problem === "" ? nothing : html`<p><minform-tex .text=${this.state.problem}></minform-tex></p>`}
        ${group.length === 0 ? this.#empty() : this.#table(group)}
      </section>
      ${group.length === 0 ? nothing : this.#lesson(group)}
    </div>`;
  }

  #empty(): TemplateResult {
    return html`<p class="muted">
      Training compares the samples of one problem with each other. Sample the policy for the problem of the first view,
      or open the puzzle: two samples with the same text, cut differently.
    </p>`;
  }

  #table(group: SampleRow[]): TemplateResult {
    const credit = this.#credit(group);
    const longest = Math.max(...group.map(({ steps }) => steps.length));
    const numbers = credit.map((one, at) => (this.shown === "rewards" ? (group[at]?.rewards ?? []) : one[this.shown]));
    const limit = Math.max(0.05, ...numbers.flat().map(Math.abs));
    return html`${this.#controls()}
      <div class="scroll" tabindex="0" role="region" aria-label="Samples and their credit">
        <table>
          <thead>
            <tr>
              <th scope="col">sample</th>
              ${Array.from({ length: longest }, (_, at) => html`<th scope="col">step ${at + 1}</th>`)}
              <th scope="col">right</th>
              <th scope="col">sum</th>
              <th scope="col">lowest</th>
              <th scope="col">value <span class="unit">(${FORMS[this.state.form]})</span></th>
              <th scope="col">in all <span class="unit">(first step)</span></th>
            </tr>
          </thead>
          <tbody>
            ${group.map((row, at) => this.#row(row, at, numbers[at] ?? [], credit[at], longest, limit))}
          </tbody>
        </table>
      </div>
      <div class="row spread">
        <p class="small muted">
          ${BASELINES[this.state.baseline][1]}
          ${group.some(({ tokens }) => tokens.includes(0)) ? "A step whose tokens nobody has counted counts as one." : nothing}
        </p>
        <button class="plain small" @click=${() => this.#saveCsv(group, credit)}>CSV</button>
      </div>`;
  }

  #credit(group: SampleRow[]): RowCredit[] {
    return this.bench.credit.group(group.map(withTokens), this.#form(), this.state.baseline);
  }

  #form(): Form {
    const { form, temperature, gamma } = this.state;
    if (form === "sum") return { form, gamma };
    return form === "soft-min" ? { form, temperature } : { form };
  }

  #controls(): TemplateResult {
    const { form, baseline } = this.state;
    const option = (value: string, name: string, chosen: string): TemplateResult =>
      html`<option value=${value} ?selected=${value === chosen}>${name}</option>`;
    return html`<div class="row">
      <label>
        Credit
        <select @change=${(event: Event) => this.#set("form", event)}>
          ${Object.entries(FORMS).map(([value, name]) => option(value, name, form))}
        </select>
      </label>
      ${this.shows("baseline")
        ? html`<label>
            Baseline
            <select @change=${(event: Event) => this.#set("baseline", event)}>
              ${Object.entries(BASELINES).map(([value, [name]]) => option(value, name, baseline))}
            </select>
          </label>`
        : nothing}
      <label>
        Cells
        <select @change=${(event: Event) => (this.shown = (event.target as HTMLSelectElement).value as typeof this.shown)}>
          ${(["advantages", "returns", "rewards"] as const).map((one) => option(one, one, this.shown))}
        </select>
      </label>
    </div>`;
  }

  #set(field: "form" | "baseline", event: Event): void {
    const { value } = event.target as HTMLSelectElement;
    this.bench.adjust({ [field]: value }, "baseline to redraw", this.updateComplete);
  }

  #row(
    row: SampleRow,
    at: number,
    numbers: number[],
    credit: RowCredit | undefined,
    longest: number,
    limit: number,
  ): TemplateResult {
    const cell = (step: number): TemplateResult => {
      const number = numbers[step];
      if (number === undefined) return html`<td></td>`;
      // The marks judge rewards; beside an advantage they would seem to judge that.
      const mark = this.shown === "rewards" ? `${icon(verdict(number, this.state.threshold))} ` : "";
      return html`<td class="cell" ${styled({ background: diverging(number, limit) })} title=${row.steps[step] ?? ""}>
        <span aria-hidden="true">${mark}</span>${figure(number)}
        <span class="text">${row.steps[step]}</span>
      </td>`;
    };
    const rewards = Float32Array.from(row.rewards);
    const value = (how: "sum" | "min"): string => figure(this.bench.credit.aggregate(rewards, how, 0.1));
    return html`<tr>
      <th scope="row">
        <button class="plain" title="Open in the first view" @click=${() => this.#open(row)}>${at + 1}</button>
      </th>
      ${Array.from({ length: longest }, (_, step) => cell(step))}
      <td>${row.correct === null ? "–" : row.correct ? "✓ yes" : "✗ no"}</td>
      <td>${value("sum")}</td>
      <td>${value("min")}</td>
      <td>${figure(credit?.outcome)}</td>
      <td class="total">${figure(credit?.advantages[0])}</td>
    </tr>`;
  }

  /** What the puzzle teaches, said with the numbers on screen. */
  #lesson(group: SampleRow[]): TemplateResult | typeof nothing {
    const [one, other] = group;
    const same = group.length === 2 && one?.steps.join(" ") === other?.steps.join(" ").replaceAll("\n", " ");
    if (!same || one === undefined || other === undefined) return nothing;
    const [first, second] = this.#credit(group).map(({ advantages }) => advantages[0] ?? 0);
    const gap = Math.abs((first ?? 0) - (second ?? 0));
    const [title, moral] = gap < TIED ? LESSONS.tied : gap < NEARLY_TIED ? LESSONS.nearly : LESSONS.apart;
    return html`<section class="card story stack" aria-label="The puzzle">
      <h3>${title}</h3>
      <p>
        Both samples are the same text with the same worst step; in the second, one blank line is a single line end, so
        two steps are one. With this baseline their first tokens get ${figure(first, 3)} and ${figure(second, 3)}. ${moral}
      </p>
      <div class="row">
        ${(["rloo-step", "rloo-token", "rloo-paper"] as const).map(
          (baseline) => html`<button
            aria-pressed=${this.state.baseline === baseline}
            @click=${() => this.bench.state.set({ baseline })}
          >
            ${BASELINES[baseline][0]}
          </button>`,
        )}
      </div>
    </section>`;
  }

  #openPuzzle(): void {
    this.bench.state.set({ ...PUZZLE, group: structuredClone(PUZZLE.group) });
  }

  #open({ steps, rewards, tokens }: SampleRow): void {
    this.bench.openSolution({ steps, scores: rewards, tokens, source: this.state.groupSource });
  }

  async #write(): Promise<void> {
    const writing = new AbortController();
    this.writing = writing;
    const { problem, answer } = this.state;
    try {
      const options = { temperature: 1, maxNewTokens: LONGEST_SAMPLE, seed: this.state.training.seed, samples: SAMPLES };
      const written = await this.bench.write(problem, options, writing.signal);
      const group: SampleRow[] = [];
      for (const sample of written) {
        group.push(await this.#judged(problem, answer, sample, writing.signal));
        this.bench.state.set({ group: [...group], groupSource: this.live.own ? "own" : "nano" });
      }
    } catch (error) {
      if (!isCancelled(error)) this.bench.say(`Sampling failed: ${messageOf(error)}`, "error");
    }
    this.writing = null;
  }

  async #judged(problem: string, answer: string, { steps, text }: Written, signal: AbortSignal): Promise<SampleRow> {
    const kept = steps.slice(0, LIMITS.steps).map((step) => step.slice(0, LIMITS.step));
    const { scores, tokens } = await this.bench.score(problem, kept, signal);
    const grade = answer === "" ? null : await this.bench.engine.call("grade", { text, answer }, { signal });
    return { steps: kept, rewards: scores, tokens, correct: grade?.correct ?? null };
  }

  #saveCsv(group: SampleRow[], credit: RowCredit[]): void {
    const rows = group.flatMap((row, sample) =>
      row.steps.map((step, at) => [
        sample + 1,
        at + 1,
        step,
        row.tokens[at] ?? null,
        row.rewards[at] ?? null,
        credit[sample]?.returns[at] ?? null,
        credit[sample]?.advantages[at] ?? null,
      ]),
    );
    const columns = ["sample", "step", "text", "tokens", "reward", "return", "advantage"];
    save("minform-group.csv", csv({ columns, rows }), "text/csv");
  }
}

define("minform-group", GroupView);
