/** V1: the problem and its solution, step by step, to be read, edited, cut and scored. */

import { type TemplateResult, css, html, nothing } from "lit";

import { EXAMPLES } from "../app/examples";
import { counted, figure } from "../app/format";
import { Part, define, sheet } from "../app/part";
import { LIMITS, SENTENCE, isPattern } from "../app/state";
import { type Edit, insert, merge, move, remove, rewrite, split } from "../app/steps";
import "../app/tex";
import { icon, soft, verdict } from "../charts/colour";
import { styled } from "../app/styled";

const SEPARATORS: [value: string, name: string][] = [
  ["\n\n", "blank line"],
  ["\n", "line"],
  [SENTENCE, "sentence"],
];

export class SolutionView extends Part {
  static override styles = [
    sheet,
    css`
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.45rem;
      }
      li {
        border: 1px solid transparent;
        border-radius: 12px;
      }
      li.selected {
        border-color: var(--accent);
        background: var(--chosen);
      }
      .step {
        display: grid;
        grid-template-columns: 1.6rem minmax(0, 1fr) auto;
        gap: 0.6rem;
        width: 100%;
        padding: 0.5rem 0.6rem;
        border: 0;
        border-radius: 12px;
        background: transparent;
        text-align: left;
        font-size: 1.05rem;
      }
      .step > .number {
        color: var(--muted);
      }
      .editor {
        padding: 0 0.6rem 0.6rem;
      }
      .tools {
        gap: 0.35rem;
        border-top: 1px solid var(--line);
        padding-top: 0.7rem;
      }
      .tools button,
      .tools input {
        min-height: 1.85rem;
        min-width: 1.85rem;
        padding: 0.05rem 0.55rem;
        font-size: 0.88rem;
      }
      .tools input {
        width: 5.2rem;
      }
      .problem {
        font-size: 1.12rem;
      }
      select {
        max-width: 11rem;
      }
      .separator {
        width: 6rem;
      }
    `,
  ];
  static override properties = { ...Part.properties, editing: { state: true }, problemOpen: { state: true }, ownSeparator: { state: true } };

  /** The step whose text is open, −1 for none. */
  declare editing: number;
  declare problemOpen: boolean;
  /** Whether the separator is being typed. */
  declare ownSeparator: boolean;

  constructor() {
    super();
    this.editing = -1;
    this.problemOpen = false;
    this.ownSeparator = false;
  }

  override render(): TemplateResult {
    return html`<section class="card stack" aria-label="Solution">
      ${this.#problem()}
      <ol aria-label="Steps" @keydown=${this.#walk}>
        ${this.state.steps.map((step, at) => this.#step(step, at))}
      </ol>
      ${this.shows("editor") ? html`${this.#tools(this.live.selected)}${this.#foot()}` : nothing}
    </section>`;
  }

  #problem(): TemplateResult {
    const { problem } = this.state;
    const text = this.problemOpen
      ? html`<textarea
          rows="3"
          aria-label="Problem"
          maxlength=${LIMITS.text}
          .value=${problem}
          @change=${this.#rewriteProblem}
          @blur=${(event: FocusEvent) => this.#afterPress(event.target as HTMLTextAreaElement, () => (this.problemOpen = false))}
        ></textarea>`
      : html`<p class="problem"><minform-tex .text=${problem}></minform-tex></p>`;
    return html`<div class="stack">
      <div class="row spread">
        <h2>Problem</h2>
        <div class="row">
          ${this.shows("examples") ? this.#examples() : nothing}
          ${this.shows("editor")
            ? html`<button class="plain" @click=${this.#openProblem} aria-label="Edit the problem">Edit</button>`
            : nothing}
        </div>
      </div>
      ${text}
    </div>`;
  }

  #examples(): TemplateResult {
    return html`<select aria-label="Example" @change=${this.#openExample}>
      <option value="" selected>Examples</option>
      ${EXAMPLES.map(({ name }, at) => html`<option value=${at}>${name}</option>`)}
    </select>`;
  }

  #step(step: string, at: number): TemplateResult {
    const score = this.state.scores[at] ?? null;
    const of = verdict(score, this.state.threshold);
    const selected = at === this.live.selected;
    const pending = score === null && this.live.scoring;
    return html`<li class=${selected ? "selected" : ""}>
      <button
        class="step"
        tabindex=${selected ? 0 : -1}
        aria-current=${selected ? "step" : "false"}
        @click=${() => this.bench.select(at)}
        @dblclick=${() => this.#open(at)}
      >
        <span class="number">${at + 1}</span>
        <minform-tex .text=${step || "(empty)"}></minform-tex>
        <span class="chip ${pending ? "pending" : ""}" ${styled({ "--chip": soft(of) })}>
          <span aria-hidden="true">${icon(of)}</span>${figure(score)}<span class="unseen">, ${of}</span>
        </span>
      </button>
      ${this.editing === at ? this.#editor(step, at) : nothing}
    </li>`;
  }

  #editor(step: string, at: number): TemplateResult {
    return html`<div class="editor stack">
      <textarea
        rows=${Math.min(8, step.split("\n").length + 1)}
        aria-label=${`Text of step ${at + 1}`}
        maxlength=${LIMITS.step}
        .value=${step}
        @keydown=${(event: KeyboardEvent) => this.#edit(event, at)}
        @blur=${(event: FocusEvent) => this.#leave(event.target as HTMLTextAreaElement, at)}
      ></textarea>
      <p class="small muted">
        <kbd>Enter</kbd> keeps it, <kbd>Esc</kbd> does not, <kbd>Ctrl</kbd> <kbd>Enter</kbd> cuts the step here,
        <kbd>Shift</kbd> <kbd>Enter</kbd> begins a line.
      </p>
    </div>`;
  }

  /** What can be done with the chosen step. Below the list, so that choosing moves nothing under the pointer. */
  #tools(at: number): TemplateResult {
    const last = this.state.steps.length - 1;
    const score = this.state.scores[at] ?? null;
    const tool = (name: string, sign: string, act: () => void, off = false): TemplateResult =>
      html`<button title=${name} aria-label=${name} ?disabled=${off} @click=${act}>${sign}</button>`;
    return html`<div class="row tools" role="toolbar" aria-label=${`Step ${at + 1}`}>
      <span class="small muted">Step ${at + 1}</span>
      ${tool("Edit the text", "Edit", () => this.#open(at))}
      ${tool("Cut in two halves", "Split", () => this.#apply(split(this.state, at, middle(this.state.steps[at] ?? ""))))}
      ${tool("Join to the step before", "Merge", () => this.#apply(merge(this.state, at)), at === 0)}
      ${tool("Move up", "↑", () => this.#apply(move(this.state, at, -1)), at === 0)}
      ${tool("Move down", "↓", () => this.#apply(move(this.state, at, 1)), at === last)}
      ${tool("Add a step below", "+", () => this.#add(at + 1))}
      ${tool("Delete the step", "Delete", () => this.#apply(remove(this.state, at)), last === 0)}
      <label class="small">
        score
        <input
          type="number"
          min="-1"
          max="1"
          step="0.05"
          .value=${score === null ? "" : score.toFixed(2)}
          @change=${(event: Event) => this.#setScore(event, at)}
        />
      </label>
    </div>`;
  }

  #foot(): TemplateResult {
    const { models, scoring } = this.live;
    return html`<div class="row spread">
      <div class="row">
        <button @click=${() => this.#add(this.state.steps.length)}>Add a step</button>
        <button ?disabled=${!this.live.undoable} title="Ctrl Z" @click=${() => this.bench.undo()}>Undo</button>
        <button ?disabled=${models.prm === undefined || scoring} @click=${() => this.bench.rescore()}>
          ${scoring ? "Scoring" : "Score with the model"}
        </button>
      </div>
      ${this.shows("separator") ? this.#separator() : nothing}
    </div>`;
  }

  #separator(): TemplateResult {
    const { separator } = this.state;
    const own = this.ownSeparator || !SEPARATORS.some(([value]) => value === separator);
    return html`<div class="row small muted">
      <label>
        A step ends at a
        <select @change=${this.#chooseSeparator}>
          ${SEPARATORS.map(
            ([value, name], at) => html`<option value=${at} ?selected=${!own && value === separator}>${name}</option>`,
          )}
          <option value="own" ?selected=${own}>text or /pattern/</option>
        </select>
      </label>
      ${own
        ? html`<input
            class="separator"
            aria-label="Text that ends a step, or a pattern between slashes"
            maxlength="40"
            .value=${escaped(separator)}
            @change=${(event: Event) => this.#resplit(unescaped((event.target as HTMLInputElement).value))}
          />`
        : nothing}
      ${counted(this.state.steps.length, "step")}
    </div>`;
  }

  #chooseSeparator(event: Event): void {
    const chosen = SEPARATORS[Number((event.target as HTMLSelectElement).value)];
    this.ownSeparator = chosen === undefined;
    if (chosen !== undefined) this.#resplit(chosen[0]);
  }

  #apply(edit: Edit | null): void {
    if (edit === null) return;
    this.bench.apply(edit);
    void this.#focus();
  }

  #add(at: number): void {
    if (this.state.steps.length >= LIMITS.steps) return;
    this.bench.apply(insert(this.state, at));
    this.#open(at);
  }

  async #open(at: number): Promise<void> {
    if (!this.shows("editor")) return;
    this.bench.select(at);
    this.editing = at;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLTextAreaElement>(".editor textarea")?.focus();
  }

  async #openProblem(): Promise<void> {
    this.problemOpen = true;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLTextAreaElement>("textarea")?.focus();
  }

  #rewriteProblem(event: Event): void {
    this.bench.rewriteProblem((event.target as HTMLTextAreaElement).value.trim());
  }

  #openExample(event: Event): void {
    const select = event.target as HTMLSelectElement;
    const example = EXAMPLES[Number(select.value)];
    if (select.value !== "" && example !== undefined) this.bench.open(example);
    select.value = "";
  }

  #setScore(event: Event, at: number): void {
    const score = (event.target as HTMLInputElement).valueAsNumber;
    if (Number.isFinite(score)) this.bench.setScore(at, Math.max(-1, Math.min(1, score)));
  }

  #edit(event: KeyboardEvent, at: number): void {
    event.stopPropagation();
    const area = event.target as HTMLTextAreaElement;
    if (event.key === "Escape") {
      this.editing = -1;
      void this.#focus();
    } else if (event.key === "Enter" && event.ctrlKey) {
      event.preventDefault();
      this.editing = -1;
      const written = rewrite(this.state, at, [area.value]);
      this.#apply({ ...split(written, at, area.selectionStart), validUntil: at });
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.editing = -1;
      this.#keep(area, at);
      void this.#focus();
    }
  }

  #leave(area: HTMLTextAreaElement, at: number): void {
    if (this.editing !== at) return;
    this.#keep(area, at);
    this.#afterPress(area, () => {
      if (this.editing === at) this.editing = -1;
    });
  }

  /** An editor stays open for a press that ends it, unless it leads back: what is pressed would move away under the pointer. */
  #afterPress(area: HTMLTextAreaElement, close: () => void): void {
    if (document.querySelector(":active") === null) {
      close();
      return;
    }
    const closeUnlessBack = (): void => void (this.shadowRoot?.activeElement === area || close());
    addEventListener("pointerup", () => setTimeout(closeUnlessBack), { once: true });
  }

  /** A separator inside the text makes steps of it. */
  #keep(area: HTMLTextAreaElement, at: number): void {
    if (area.value === this.state.steps[at]) return;
    const texts = this.bench.split(area.value, this.state.separator) ?? [area.value];
    this.bench.apply(rewrite(this.state, at, texts));
  }

  #resplit(separator: string): void {
    if (separator !== "") this.bench.resplit(separator);
  }

  #walk(event: KeyboardEvent): void {
    if (!(event.target as Element).classList.contains("step")) return;
    const { selected } = this.live;
    const last = this.state.steps.length - 1;
    const next = { ArrowUp: selected - 1, ArrowDown: selected + 1, ArrowLeft: selected - 1, ArrowRight: selected + 1 };
    const to = { ...next, Home: 0, End: last }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      this.bench.select(to);
      void this.#focus();
    } else if (event.key === "Enter" && this.shows("editor")) {
      event.preventDefault();
      void this.#open(selected);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && this.shows("editor")) {
      event.preventDefault();
      this.bench.undo();
    } else if (event.key === "Delete" && this.shows("editor") && last > 0) {
      this.#apply(remove(this.state, selected));
    }
  }

  async #focus(): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('.step[tabindex="0"]')?.focus();
  }
}

/** Where a step is cut by a click: the space nearest to its middle. */
function middle(step: string): number {
  const centre = Math.floor(step.length / 2);
  const spaces = [...step.matchAll(/\s+/g)].map((match) => match.index);
  return spaces.toSorted((a, b) => Math.abs(a - centre) - Math.abs(b - centre))[0] ?? centre;
}

/** `\n` and `\t` as people type them; a pattern has them as they are. */
function escaped(text: string): string {
  return isPattern(text) ? text : text.replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

function unescaped(text: string): string {
  const typed = isPattern(text) ? text : text.replaceAll("\\n", "\n").replaceAll("\\t", "\t");
  return typed.slice(0, 40);
}

define("minform-solution", SolutionView);
