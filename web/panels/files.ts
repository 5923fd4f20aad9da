/** Files: what the page gives away and what it opens. */

import { type TemplateResult, css, html, nothing } from "lit";

import { messageOf } from "../engine/rpc";
import { type Imported, type ScoredRow, isState, parseState, readRows, writeState } from "../app/files";
import { bytes, counted } from "../app/format";
import { type Choice, choose, readChoice } from "../app/models";
import { Part, define, sheet } from "../app/part";
import { csv, save } from "../charts/svg";

export class FilesPanel extends Part {
  static override styles = [
    sheet,
    css`
      :host {
        margin-bottom: 1rem;
      }
      textarea {
        font-size: 0.9rem;
      }
      .drop {
        border: 2px dashed var(--edge);
        border-radius: 12px;
        padding: 0.9rem 1rem;
      }
      input[type="file"] {
        width: 100%;
        min-width: 0;
      }
    `,
  ];
  static override properties = {
    ...Part.properties,
    rows: { state: true },
    model: { state: true },
    failure: { state: true },
    busy: { state: true },
  };

  declare rows: Imported[];
  declare model: Choice | null;
  declare failure: string;
  declare busy: boolean;

  constructor() {
    super();
    this.rows = [];
    this.model = null;
    this.failure = "";
    this.busy = false;
  }

  override render(): TemplateResult {
    return html`<section
      class="card stack"
      aria-label="Files"
      @dragover=${(event: DragEvent) => event.preventDefault()}
      @drop=${this.#drop}
    >
      <div class="columns even">
        <div class="stack">
          <h2>Take away</h2>
          <div class="row">
            <button @click=${this.#saveCsv}>Steps as CSV</button>
            <button @click=${this.#saveJson}>Scores as JSON</button>
            <button @click=${() => save("minform-state.json", writeState(this.state), "application/json")}>
              Everything
            </button>
          </div>
          <p class="small muted">
            The JSON is what <code>minform prm score --json</code> writes. Each chart has SVG, PNG and CSV of its own.
          </p>
        </div>
        <div class="stack drop">
          <h2>Open</h2>
          <label class="field">
            <span>Solutions (JSON, JSON lines; also ProcessBench and TRL rows), a saved state, or a model</span>
            <input type="file" multiple aria-label="Choose files" @change=${this.#choose} />
          </label>
          <textarea rows="2" aria-label="Paste rows" placeholder="or paste rows here" @change=${this.#paste}></textarea>
        </div>
      </div>
      ${this.failure === "" ? nothing : html`<p role="alert">Not opened: ${this.failure}.</p>`}
      ${this.rows.length > 0 ? this.#choice() : nothing} ${this.model === null ? nothing : this.#offer(this.model)}
    </section>`;
  }

  #choice(): TemplateResult {
    return html`<label class="field">
      <span>${counted(this.rows.length, "solution")} in the file</span>
      <select aria-label="Solution of the file" @change=${this.#show}>
        ${this.rows.map(({ id, problem }, at) => html`<option value=${at}>${id}: ${problem.slice(0, 80)}</option>`)}
      </select>
    </label>`;
  }

  /** Nothing is read before the user has seen how large it is. */
  #offer(model: Choice): TemplateResult {
    const load = (slot: "prm" | "policy"): TemplateResult => html`<button
      class="primary"
      ?disabled=${this.busy}
      @click=${() => this.#loadModel(slot, model)}
    >
      Load as ${slot === "prm" ? "reward model" : "policy"}
    </button>`;
    return html`<div class="row" role="status">
      ${model.files.map((file) => file.name).join(", ")}: ${bytes(model.bytes)}, which stay in this page.
      ${load("prm")} ${load("policy")}
    </div>`;
  }

  async #loadModel(slot: "prm" | "policy", model: Choice): Promise<void> {
    this.busy = true;
    try {
      await this.bench.loadOwn(slot, await readChoice(model));
      this.model = null;
      this.failure = "";
    } catch (error) {
      this.failure = messageOf(error);
    }
    this.busy = false;
  }

  #drop(event: DragEvent): void {
    event.preventDefault();
    void this.#open(event.dataTransfer?.files ?? []);
  }

  #choose(event: Event): void {
    void this.#open((event.target as HTMLInputElement).files ?? []);
  }

  #paste(event: Event): void {
    this.#read((event.target as HTMLTextAreaElement).value);
  }

  async #open(files: Iterable<File>): Promise<void> {
    const [first] = files;
    this.model = choose(files);
    if (first === undefined || this.model !== null) return;
    this.#read(await first.text());
  }

  #read(text: string): void {
    if (text.trim() === "") return;
    this.failure = "";
    this.rows = [];
    try {
      if (isState(text)) {
        this.bench.state.set(parseState(text));
      } else {
        this.rows = readRows(text);
        this.#put(this.rows[0]);
      }
    } catch (error) {
      this.failure = messageOf(error);
    }
  }

  #show(event: Event): void {
    this.#put(this.rows[Number((event.target as HTMLSelectElement).value)]);
  }

  #put(row: Imported | undefined): void {
    if (row === undefined) return;
    const { problem, steps, scores, label } = row;
    this.bench.openSolution({ problem, answer: "", steps, scores, label, source: "imported", rescore: false });
  }

  #saveCsv(): void {
    const { steps, scores, tokens } = this.state;
    const rows = steps.map((step, at) => [at + 1, step, scores[at] ?? null, tokens[at] ?? 0]);
    save("minform-steps.csv", csv({ columns: ["step", "text", "score", "tokens"], rows }), "text/csv");
  }

  #saveJson(): void {
    const { problem, steps, label, threshold } = this.state;
    const { credit } = this.bench;
    const scores = this.state.scores.map((score) => score ?? 0);
    const values = Float32Array.from(scores);
    const row: ScoredRow = {
      id: "playground",
      problem,
      steps,
      scores,
      first_error: credit.firstError(values, threshold),
      soft_min: credit.aggregate(values, "soft-min", 0.1),
      min: credit.aggregate(values, "min", 0.1),
      ...(label === null ? {} : { label }),
    };
    save("minform-scores.jsonl", `${JSON.stringify(row)}\n`, "application/jsonl");
  }
}

define("minform-files", FilesPanel);
