/** V7: two policies learn live from the same reward model and seed, one by the sum, one by the minimum. */

import { type TemplateResult, css, html, nothing } from "lit";

import type { Sample, Update } from "../engine/protocol";
import { counted, figure, percent, short } from "../app/format";
import { Part, define, sheet } from "../app/part";
import type { Watched } from "../app/store";
import { LANES, type LaneName, type LaneRecord, type Run } from "../app/training";
import "../charts/curves";
import type { Series } from "../charts/curves";
import { chips } from "./chips";
import "./larger";
import "./run-settings";
import "./runs";

/** What the arithmetic world puts between a question and its solution. */
const PROMPT_END = " => ";

const TITLES: Record<LaneName, string> = { sum: "sum", min: "minimum" };
const DASHES: Partial<Record<LaneName, string>> = { sum: "7 4" };

/** The curves beside accuracy: what an update tells of itself. */
const FIGURES: [name: string, heading: string, value: (update: Update) => number | null | undefined][] = [
  ["reward", "What the reward model pays", (update) => update.process_outcome?.mean],
  ["steps", "Steps of a response, while learning", (update) => update.steps.mean],
  ["length", "Tokens of a response, while learning", (update) => update.length.mean],
  ["kl", "KL from the first policy", (update) => update.kl],
  ["entropy", "Entropy of a token", (update) => update.entropy],
];

const PAUSES: [milliseconds: number, name: string][] = [
  [0, "full speed"],
  [500, "half a second between updates"],
  [2000, "two seconds between updates"],
];

export class TrainView extends Part {
  static override styles = [
    sheet,
    css`
      .bar {
        gap: 0.6rem 1rem;
      }
      .bar .primary {
        min-width: 7rem;
      }
      .story {
        font-size: 1.1rem;
      }
      .charts {
        display: grid;
        gap: 1.1rem 1.6rem;
        grid-template-columns: minmax(0, 1fr);
      }
      @container page (min-width: 700px) {
        .charts {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
      }
      @container page (min-width: 1000px) {
        .charts {
          grid-template-columns: repeat(4, minmax(0, 1fr));
        }
        .charts > .large {
          grid-column: span 2;
        }
      }
      .lane {
        border-left: 5px solid var(--lane);
        padding-left: 0.9rem;
      }
      progress {
        width: 8rem;
        accent-color: var(--accent);
      }
    `,
  ];
  static override properties = { ...Part.properties, cursor: { state: true } };

  declare cursor: number | null;
  #resumes = false;

  constructor() {
    super();
    this.cursor = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#visibility);
    addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#visibility);
    removeEventListener("keydown", this.#key);
  }

  protected override watched(): Watched[] {
    return [...super.watched(), this.bench.training.store];
  }

  override render(): TemplateResult {
    const { run, failure } = this.bench.training.store.value;
    return html`<div class="stack">
      <section class="card stack" aria-label="Live run">
        <h2>Two policies learn, live</h2>
        ${this.#bar()}
        <p class="story" role="status">${this.#story(run)}</p>
        ${failure === "" ? nothing : html`<p role="alert">The run stopped: ${failure}</p>`}
        ${this.shows("training") ? html`<minform-run-settings .bench=${this.bench}></minform-run-settings>` : nothing}
      </section>
      <section class="card" aria-label="Curves">${this.#charts(run)}</section>
      ${run === null ? nothing : this.#samples(run)} <minform-runs .bench=${this.bench}></minform-runs>
      <minform-larger .bench=${this.bench}></minform-larger>
    </div>`;
  }

  #bar(): TemplateResult {
    const { training } = this.bench;
    const { phase, run, pause } = training.store.value;
    const updates = run?.settings.updates ?? this.state.training.updates;
    const ready = this.live.engine === "ready";
    const playing = phase === "playing" || phase === "preparing";
    return html`<div class="row bar">
      <button class="primary" ?disabled=${!ready || phase === "done"} @click=${() => this.#turn()}>
        ${playing ? "Pause" : "Play"}
      </button>
      <button ?disabled=${!ready || playing || phase === "done"} @click=${() => this.bench.play(1)}>
        One update
      </button>
      <button ?disabled=${run === null} @click=${() => training.reset()}>Reset</button>
      <label>
        <progress max=${updates} value=${training.made} aria-label="Updates made"></progress>
        <span class="number">${training.made} of ${updates}</span>
      </label>
      <select
        aria-label="Speed"
        @change=${(event: Event) => training.store.set({ pause: Number((event.target as HTMLSelectElement).value) })}
      >
        ${PAUSES.map(([value, name]) => html`<option value=${value} ?selected=${value === pause}>${name}</option>`)}
      </select>
      <span class="muted small">
        ${this.#set(run)}
        ${phase === "preparing" ? "Starting two workers" : ready ? nothing : "Waiting for the nano models"}
      </span>
    </div>`;
  }

  /** What the run was made with, for whoever does not see the settings. */
  #set(run: Run | null): string {
    const { seed, temperature, learningRate } = run?.settings ?? this.state.training;
    return `Seed ${seed}, T = ${short(temperature)}, learning rate ${short(learningRate)}.`;
  }

  /** The lesson, said with the numbers of this run. */
  #story(run: Run | null): string {
    if (run === null) {
      return "Two copies of one small policy learn from one reward model. The first is paid the sum of its step scores, the second their minimum. Neither ever sees whether an answer is right. Press Play.";
    }
    const told = LANES.map((lane) => {
      const { updates, evaluations } = run.lanes[lane];
      const [first, last] = [evaluations[0], evaluations.at(-1)];
      const pay = updates.at(-1)?.process_outcome?.mean;
      if (first === undefined || last === undefined) return `${TITLES[lane]}: being evaluated`;
      const right = `${percent(last.sampled)} right (${percent(first.sampled)} at first)`;
      return `${TITLES[lane]}: ${pay === undefined ? "" : `paid ${figure(pay)}; `}held out, ${right} with ${figure(last.steps, 1)} steps`;
    });
    return `After ${counted(this.bench.training.made, "update")}. By the ${told.join(". By the ")}.`;
  }

  #charts(run: Run | null): TemplateResult {
    const runs = this.bench.training.store.value.past.filter(({ overlaid }) => overlaid);
    const curve = (
      name: string,
      heading: string,
      points: (record: LaneRecord) => [number, number][],
      large: boolean,
      most: number | null = null,
    ): TemplateResult => {
      const of = (from: Run, faint: boolean): Series[] =>
        LANES.map((lane) => ({
          name: faint ? `${TITLES[lane]}, ${from.name}` : TITLES[lane],
          colour: `var(--${lane})`,
          ...(DASHES[lane] === undefined ? {} : { dash: DASHES[lane] }),
          faint,
          points: points(from.lanes[lane]),
        }));
      const series = [...runs.flatMap((past) => of(past, true)), ...(run === null ? [] : of(run, false))];
      return html`<minform-curves
        .name=${`live-${name}`}
        .heading=${heading}
        .series=${series}
        .cursor=${this.cursor}
        class=${large ? "large" : ""}
        .least=${0}
        .most=${most}
        .height=${large ? 240 : 160}
        .span=${run?.settings.updates ?? this.state.training.updates}
        @cursor=${(event: CustomEvent<number | null>) => (this.cursor = event.detail)}
      ></minform-curves>`;
    };
    const update = (value: (typeof FIGURES)[number][2]) => (record: LaneRecord) =>
      record.updates.map((one): [number, number] => [one.step, value(one) ?? NaN]);
    const accuracy = (record: LaneRecord): [number, number][] => record.evaluations.map(({ step, sampled }) => [step, sampled]);
    return html`<div class="charts">
      ${curve("accuracy", "Right answers to held-out problems", accuracy, true, 1)}
      ${FIGURES.map(([name, heading, value]) => curve(name, heading, update(value), name === "reward"))}
    </div>`;
  }

  #samples(run: Run): TemplateResult {
    return html`<section class="card columns even" aria-label="Samples">
      ${LANES.map((lane) => {
        const { samples, stopped } = run.lanes[lane];
        return html`<div class="lane lane-${lane} stack">
          <h3>Newest samples, ${TITLES[lane]}</h3>
          ${stopped === "" ? nothing : html`<p role="alert">This policy goes no further: ${stopped}. Lower the learning rate, or reset.</p>`}
          ${samples.length === 0 ? html`<p class="muted">None yet.</p>` : samples.slice(0, 3).map((sample) => this.#sample(sample))}
        </div>`;
      })}
    </section>`;
  }

  #sample(sample: Sample): TemplateResult {
    const { steps, scores, step, verified } = sample;
    const right = verified == null ? "" : verified ? ", right" : ", wrong";
    return html`<div>
      <div class="row spread small muted">
        <span>after ${counted(step, "update")}${right}</span>
        <button class="plain small" @click=${() => this.#open(sample)}>Open in the first view</button>
      </div>
      <p class="small muted">${question(sample)}</p>
      ${chips(steps, scores, this.state.threshold)}
    </div>`;
  }

  #open(sample: Sample): void {
    const { steps, scores } = sample;
    this.bench.openSolution({ problem: question(sample), answer: "", steps, scores, source: "nano", rescore: true });
    void this.bench.rescore();
  }

  #turn(): void {
    const { phase } = this.bench.training.store.value;
    if (phase === "playing" || phase === "preparing") this.bench.pause();
    else if (this.live.engine === "ready") void this.bench.play();
  }

  /** A tab that nobody sees gets no turns worth the name: pause, and go on when it is seen again. */
  #visibility = (): void => {
    const playing = this.bench.training.store.value.phase === "playing";
    if (document.hidden && playing) {
      this.#resumes = true;
      this.bench.training.pause();
    } else if (!document.hidden && this.#resumes) {
      this.#resumes = false;
      void this.bench.play();
    }
  };

  #key = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    if (!(target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.bench.addresses.embedded && !event.composedPath().includes(this)) return;
    if (target.matches("textarea, select, input")) return;
    // A button that has the focus answers to the space bar itself.
    if (event.key === " " && !target.matches("button, a, summary")) this.#turn();
    else if (event.key === "." && this.live.engine === "ready") void this.bench.play(1);
    else return;
    event.preventDefault();
  };
}

function question({ prompt }: Sample): string {
  return prompt.endsWith(PROMPT_END) ? prompt.slice(0, -PROMPT_END.length) : prompt;
}

define("minform-train", TrainView);
