/** Files: what the page gives away and what it opens. */

import { type TemplateResult, css, html, nothing } from "lit";

import { messageOf } from "../engine/rpc";
import { type Imported, type ScoredRow, isState, parseState, readRows, writeState } from "../app/files";
import { type Offer, offerOf } from "../app/models";
import { Part, define, sheet } from "../app/part";
import { csv, save } from "../charts/svg";
import "./own-model";

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
    model: { state: true },
    failure: { state: true },
  };

  declare model: Offer | null;
  declare failure: string;

  constructor() {
    super();
    this.model = null;
    this.failure = "";
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
          <div class="row"><button @click=${this.#openPasted}>Open what was pasted</button></div>
        </div>
      </div>
      ${this.failure === "" ? nothing : html`<p role="alert">${this.failure}.</p>`}
      <minform-own-model .bench=${this.bench} .given=${this.model}></minform-own-model>
    </section>`;
  }

  async #drop(event: DragEvent): Promise<void> {
    event.preventDefault();
    void this.#open(await filesOf(event.dataTransfer));
  }

  #choose(event: Event): void {
    void this.#open((event.target as HTMLInputElement).files ?? []);
  }

  #paste(event: Event): void {
    const { value } = event.target as HTMLTextAreaElement;
    if (value.trim() !== "") this.#read(value);
  }

  #openPasted(): void {
    this.#read(this.renderRoot.querySelector("textarea")?.value ?? "");
  }

  async #open(files: Iterable<File>): Promise<void> {
    const [first] = files;
    this.failure = "";
    this.model = offerOf(files);
    if (first === undefined || this.model !== null) return;
    this.#read(await first.text());
  }

  #read(text: string): void {
    this.failure = text.trim() === "" ? "Not opened: there is nothing in it" : "";
    if (this.failure !== "") return;
    try {
      if (isState(text)) {
        this.bench.state.set(parseState(text));
      } else {
        this.bench.showRows(readRows(text));
      }
    } catch (error) {
      this.failure = `Not opened: ${messageOf(error)}`;
    }
  }

  #saveCsv(): void {
    const { steps, scores, tokens } = this.state;
    const rows = steps.map((step, at) => [at + 1, step, scores[at] ?? null, tokens[at] ?? 0]);
    save("minform-steps.csv", csv({ columns: ["step", "text", "score", "tokens"], rows }), "text/csv");
  }

  /** All solutions of a file that was opened, as far as they have scores; else the one on screen. */
  #saveJson(): void {
    const { rows } = this.live;
    const { problem, steps, label } = this.state;
    const scores = this.state.scores.filter((score) => score !== null);
    const shown: Imported = { id: "playground", problem, steps, scores, label };
    const scored = (rows.length > 1 ? rows : [shown]).filter((row) => row.scores.length === row.steps.length);
    if (scored.length === 0) {
      this.failure = "Nothing has scores for all of its steps yet";
      return;
    }
    const lines = scored.map((row) => `${JSON.stringify(this.#scoredRow(row))}\n`);
    save("minform-scores.jsonl", lines.join(""), "application/jsonl");
  }

  #scoredRow({ id, problem, steps, scores, label }: Imported): ScoredRow {
    const { credit } = this.bench;
    const values = Float32Array.from(scores);
    return {
      id,
      problem,
      steps,
      scores,
      first_error: credit.firstError(values, this.state.threshold),
      soft_min: credit.aggregate(values, "soft-min", 0.1),
      min: credit.aggregate(values, "min", 0.1),
      ...(label === null ? {} : { label }),
    };
  }
}

/** The files that were dropped, and those directly in a folder that was. */
async function filesOf(dropped: DataTransfer | null): Promise<File[]> {
  // The list is emptied as soon as the event is over: take the entries first.
  const entries = [...(dropped?.items ?? [])].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = [...(dropped?.files ?? [])];
  const folders = entries.filter((entry) => entry.isDirectory) as FileSystemDirectoryEntry[];
  const within = await Promise.all(folders.map(filesIn));
  const names = new Set(folders.map(({ name }) => name));
  return [...files.filter(({ name }) => !names.has(name)), ...within.flat()];
}

/** A reader gives a folder away in pieces, the last of which is empty. */
async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    const piece = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (piece.length === 0) break;
    entries.push(...piece);
  }
  const plain = entries.filter((entry) => entry.isFile) as FileSystemFileEntry[];
  return Promise.all(plain.map((entry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject))));
}

define("minform-files", FilesPanel);
