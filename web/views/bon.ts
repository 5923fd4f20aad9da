/** V5: how often the best of N samples is right, by what "best" means. */

import { type TemplateResult, css, html, nothing } from "lit";

import type { Aggregate } from "../engine/protocol";
import { isCancelled, messageOf } from "../engine/rpc";
import { counted, figure, percent } from "../app/format";
import { Part, define, sheet } from "../app/part";
import { type JudgedProblem, type Recording, fetchRecording, sampleProblems, writeRecording } from "../app/recording";
import "../charts/curves";
import type { Series } from "../charts/curves";
import { save } from "../charts/svg";
import { chips } from "./chips";

/** Each choice has a colour and a dash of its own. */
const CHOICES: [how: Aggregate | "majority" | "oracle", name: string, colour: string, dash?: string][] = [
  ["min", "minimum", "var(--min)"],
  ["soft-min", "soft minimum", "var(--min)", "7 4"],
  ["product", "product", "var(--right)"],
  ["mean", "mean", "var(--right)", "7 4"],
  ["sum", "sum", "var(--sum)"],
  ["last", "last step", "var(--wrong)", "2 3"],
  ["majority", "majority of answers", "var(--muted)", "10 3 2 3"],
  ["oracle", "at least one right", "var(--ink)", "2 3"],
];

const PROBLEMS = 16;
const SAMPLES = 16;

export class BestOfNView extends Part {
  static override styles = [
    sheet,
    css`
      .solution {
        display: flex;
        flex-wrap: wrap;
        gap: 0.3rem;
        align-items: center;
      }
      .boxes {
        display: grid;
        gap: 0.3rem 1rem;
        grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
      }
      .taken {
        border-left: 5px solid var(--accent);
        padding-left: 0.8rem;
      }
    `,
  ];
  static override properties = {
    ...Part.properties,
    recording: { state: true },
    chosen: { state: true },
    pointed: { state: true },
    n: { state: true },
    problem: { state: true },
    how: { state: true },
    sampling: { state: true },
    done: { state: true },
  };

  declare recording: Recording | null;
  declare chosen: ReadonlySet<string>;
  declare pointed: number | null;
  /** The number of samples, the problem and the choice that are looked into. */
  declare n: number;
  declare problem: number;
  declare how: Aggregate;
  declare sampling: AbortController | null;
  declare done: number;

  constructor() {
    super();
    this.recording = null;
    this.chosen = new Set(["min", "sum", "last", "majority", "oracle"]);
    this.pointed = null;
    this.n = 8;
    this.problem = 0;
    this.how = "min";
    this.sampling = null;
    this.done = 0;
  }

  override firstUpdated(): void {
    void this.#open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sampling?.abort();
  }

  async #open(): Promise<void> {
    try {
      this.recording ??= await fetchRecording(this.bench.addresses.recorded);
      this.bench.live.set({ samples: "recorded" });
    } catch (error) {
      this.bench.say(messageOf(error), "error");
    }
  }

  override render(): TemplateResult {
    const { recording } = this;
    return html`<div class="stack">
      <section class="card stack" aria-label="Best of N">
        <div class="row spread">
          <h2>Take the best of N samples</h2>
          ${this.#sampler()}
        </div>
        ${recording === null ? html`<p class="muted">The recorded samples are on their way.</p>` : this.#curves(recording)}
      </section>
      ${recording === null ? nothing : this.#look(recording)}
    </div>`;
  }

  #sampler(): TemplateResult {
    if (this.sampling !== null) {
      return html`<div class="row">
        <progress max=${PROBLEMS} value=${this.done} aria-label="Problems sampled"></progress>
        <button @click=${() => this.sampling?.abort()}>Stop</button>
      </div>`;
    }
    return html`<div class="row">
      <button ?disabled=${this.recording === null} @click=${this.#save}>Save the samples</button>
      <button class="primary" ?disabled=${this.live.engine !== "ready" || this.live.own} @click=${this.#sample}>
        Sample ${PROBLEMS} problems now
      </button>
    </div>`;
  }

  #curves({ problems, live, seed }: Recording): TemplateResult {
    const most = Math.max(1, ...problems.map(({ solutions }) => solutions.length));
    const ns = Array.from({ length: most }, (_, at) => at + 1);
    const points = this.bench.credit.bestOfN(problems, ns, this.state.temperature || 0.001);
    const series = CHOICES.filter(([how]) => this.chosen.has(how)).map(([how, name, colour, dash]): Series => {
      const own = points.filter(({ aggregate }) => aggregate === how);
      return { name, colour, ...(dash ? { dash } : {}), points: own.map(({ n, accuracy }) => [n, accuracy]) };
    });
    const made = live ? `sampled just now, seed ${seed}` : "recorded earlier with the nano models of this page";
    return html`<p class="muted">
        ${counted(problems.length, "problem")} of the arithmetic world, ${counted(most, "sample")} each, ${made}. Every
        point is the exact expectation over all choices of N samples. Click one to see what was taken.
      </p>
      <minform-curves
        name="best-of-n"
        heading="Share of problems solved"
        across="N"
        logarithmic
        .series=${series}
        .cursor=${this.pointed}
        .least=${null}
        .height=${300}
        @cursor=${(event: CustomEvent<number | null>) => (this.pointed = event.detail)}
        @pick=${(event: CustomEvent<number>) => (this.n = event.detail)}
      ></minform-curves>
      <fieldset>
        <legend>Best means the highest</legend>
        <div class="boxes">${CHOICES.map(([how, name]) => this.#box(how, name))}</div>
      </fieldset>`;
  }

  #box(how: string, name: string): TemplateResult {
    const turn = (): void => {
      const chosen = new Set(this.chosen);
      if (!chosen.delete(how)) chosen.add(how);
      this.chosen = chosen;
    };
    return html`<label><input type="checkbox" .checked=${this.chosen.has(how)} @change=${turn} />${name}</label>`;
  }

  /** Which of the first n samples of one problem is taken, and what the others are worth. */
  #look({ problems }: Recording): TemplateResult | typeof nothing {
    const problem = problems[this.problem] ?? problems[0];
    if (problem === undefined) return nothing;
    const shown = problem.solutions.slice(0, this.n);
    const values = shown.map(({ scores }) => this.#value(scores));
    const taken = values.indexOf(Math.max(...values));
    const option = (how: Aggregate, name: string): TemplateResult =>
      html`<option value=${how} ?selected=${how === this.how}>${name}</option>`;
    return html`<section class="card stack" aria-label="What is taken">
      <div class="row spread">
        <h3>Of the first ${this.n}, this one is taken</h3>
        <div class="row">
          <label>
            by
            <select @change=${(event: Event) => (this.how = (event.target as HTMLSelectElement).value as Aggregate)}>
              ${CHOICES.filter(([how]) => how !== "majority" && how !== "oracle").map(([how, name]) => option(how as Aggregate, name))}
            </select>
          </label>
          <label>
            N
            <input
              type="number"
              min="1"
              max=${problem.solutions.length}
              .value=${String(this.n)}
              @change=${(event: Event) => (this.n = Math.max(1, (event.target as HTMLInputElement).valueAsNumber || 1))}
            />
          </label>
          <button @click=${() => (this.problem = (this.problem + 1) % problems.length)}>Next problem</button>
        </div>
      </div>
      <p>${problem.question} <strong>${problem.answer}</strong></p>
      ${shown
        .map((solution, at) => ({ solution, at, value: values[at] ?? 0 }))
        .toSorted((a, b) => b.value - a.value)
        .map(({ solution, at, value }) => this.#solution(problem, solution, value, at === taken))}
    </section>`;
  }

  #value(scores: number[]): number {
    return this.bench.credit.aggregate(Float32Array.from(scores), this.how, this.state.temperature || 0.001);
  }

  #solution(
    { question, answer }: JudgedProblem,
    { steps, scores, correct }: JudgedProblem["solutions"][number],
    value: number,
    taken: boolean,
  ): TemplateResult {
    const open = (): void => {
      const source = this.recording?.live === true ? "nano" : "recorded";
      this.bench.openSolution({ problem: question, answer, steps, scores, source, rescore: true });
    };
    return html`<div class="solution ${taken ? "taken" : ""}">
      <strong class="number">${figure(value)}</strong>
      <span>${correct ? "✓ right" : "✗ wrong"}${taken ? ", taken" : ""}</span>
      ${chips(steps, scores, this.state.threshold)}
      <button class="plain small" @click=${open}>Open</button>
    </div>`;
  }

  async #sample(): Promise<void> {
    const sampling = new AbortController();
    this.sampling = sampling;
    this.done = 0;
    const { seed } = this.state.training;
    const problems: JudgedProblem[] = [];
    try {
      for await (const problem of sampleProblems(this.bench, { seed, problems: PROBLEMS, samples: SAMPLES }, sampling.signal)) {
        problems.push(problem);
        this.done = problems.length;
        this.recording = { live: true, seed, problems: [...problems] };
        this.bench.live.set({ samples: "nano" });
      }
      this.bench.say(`${counted(problems.length, "problem")} sampled. With N = 1, ${percent(this.#atOne(problems))} are right.`);
    } catch (error) {
      if (!isCancelled(error)) this.bench.say(`Sampling failed: ${messageOf(error)}`, "error");
    }
    this.sampling = null;
  }

  #save(): void {
    if (this.recording !== null) save("best-of-n.json", writeRecording(this.recording), "application/json");
  }

  #atOne(problems: JudgedProblem[]): number | undefined {
    return this.bench.credit.bestOfN(problems, [1], 1)[0]?.accuracy;
  }
}

define("minform-best-of-n", BestOfNView);
