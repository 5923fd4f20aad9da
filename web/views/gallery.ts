/** V6: ways to be paid without solving, what sum and minimum make of them, and a try of one's own. */

import { type TemplateResult, css, html, nothing } from "lit";

import { isCancelled, messageOf } from "../engine/rpc";
import { figure } from "../app/format";
import { Part, define, sheet } from "../app/part";
import { chips } from "./chips";
import { HACKS, type Hack } from "./hacks";
import "./challenge";

export class GalleryView extends Part {
  static override styles = [
    sheet,
    css`
      .cards {
        display: grid;
        gap: 1.1rem;
        grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr));
      }
      .verdict {
        display: grid;
        grid-template-columns: auto auto minmax(0, 1fr);
        gap: 0.1rem 0.8rem;
        align-items: baseline;
      }
      .verdict strong {
        font-size: 1.35rem;
        color: var(--lane);
      }
    `,
  ];
  static override properties = { ...Part.properties, scores: { state: true } };

  /** Scores of this page's model by hack; none until it has read them. */
  declare scores: ReadonlyMap<string, number[]>;
  #scoring: AbortController | null = null;

  constructor() {
    super();
    this.scores = new Map();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#scoring?.abort();
    this.#scoring = null;
  }

  override updated(): void {
    if (this.live.engine === "ready" && this.#scoring === null) void this.#score();
  }

  override render(): TemplateResult {
    return html`<div class="stack">
      <div class="card stack">
        <h2>How a reward is hacked</h2>
        <p>
          A policy learns whatever pays. Each card is a response that solves nothing or hides its steps, with the scores
          the nano reward model gives it ${this.scores.size > 0 ? "in this page" : "as soon as it is loaded"}.
        </p>
      </div>
      <div class="cards">${HACKS.map((hack) => this.#card(hack))}</div>
      <div class="columns even">
        <minform-challenge .bench=${this.bench}></minform-challenge>
        <div class="card stack">
        <h3>Where the minimum fails too</h3>
        <p>
          The minimum rests on one score, so it is as good as the reward model's worst mistake. The authors of PURE see
          their policies hack it as well when nothing but a reward model pays, within about 200 updates, and mend it with
          a tenth of checked answers. In this world short answers can please a weak reward model in the same way.
        </p>
        </div>
      </div>
    </div>`;
  }

  #card(hack: Hack): TemplateResult {
    const scores = this.scores.get(hack.name) ?? [];
    return html`<section class="card stack" aria-label=${hack.name}>
      <h3>${hack.name}</h3>
      <p class="muted small">${hack.problem} <strong>${hack.answer}</strong></p>
      ${chips(hack.steps, scores, this.state.threshold)}
      ${scores.length === 0 ? nothing : this.#verdict(scores)}
      <p>${hack.lesson}</p>
      <div class="row"><button @click=${() => this.#open(hack, scores)}>Open in the first view</button></div>
    </section>`;
  }

  #verdict(scores: number[]): TemplateResult {
    const values = Float32Array.from(scores);
    const of = (how: "sum" | "min"): number => this.bench.credit.aggregate(values, how, 0.1);
    const isFooled = of("sum") > 0 || of("min") > this.state.threshold;
    return html`<div class="verdict">
      <span class="lane-sum"><strong class="number">${figure(of("sum"))}</strong></span><span>sum</span>
      <span class="muted">${of("sum") > 0 ? "paid" : "not paid"}</span>
      <span class="lane-min"><strong class="number">${figure(of("min"))}</strong></span><span>minimum</span>
      <span class="muted">${of("min") > this.state.threshold ? "paid" : "not paid"}</span>
    </div>
    ${isFooled ? nothing : html`<p class="small muted">The reward model of this page is not fooled by it; others are.</p>`}`;
  }

  async #score(): Promise<void> {
    const scoring = new AbortController();
    this.#scoring = scoring;
    try {
      for (const { name, problem, steps } of HACKS) {
        const { scores } = await this.bench.score(problem, steps, scoring.signal);
        this.scores = new Map([...this.scores, [name, scores]]);
      }
    } catch (error) {
      if (!isCancelled(error)) this.bench.say(`The hacks could not be scored: ${messageOf(error)}`, "error");
    }
  }

  #open({ problem, answer, steps }: Hack, scores: number[]): void {
    const source = scores.length > 0 ? "nano" : "typed";
    this.bench.openSolution({ problem, answer, steps, scores, source, rescore: true });
    void this.bench.rescore();
  }
}

define("minform-gallery", GalleryView);
