/** Share: the link that holds everything, and what a teacher takes away with it. */

import { type TemplateResult, css, html, nothing } from "lit";

import { writeState } from "../app/files";
import { Part, define, sheet } from "../app/part";
import { COMFORTABLE, encode } from "../app/permalink";
import { CONTROLS, type Control } from "../app/state";
import { save } from "../charts/svg";

const CONTROL_NAMES: Record<Control, string> = {
  views: "the other views",
  examples: "examples",
  editor: "editing",
  separator: "separator",
  threshold: "threshold τ",
  temperature: "temperature T",
  gamma: "discount γ",
  baseline: "baseline",
  training: "training settings",
  files: "files",
  tour: "tour",
};

export class SharePanel extends Part {
  static override styles = [
    sheet,
    css`
      :host {
        margin-bottom: 1rem;
      }
      .boxes {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
        gap: 0.4rem 1rem;
      }
      .link {
        flex: 1 1 16rem;
        min-width: 0;
      }
    `,
  ];
  static override properties = { ...Part.properties, omitted: { state: true }, copied: { state: true } };

  /** Controls that the link will take away; the page of whoever makes the link keeps them. */
  declare omitted: Control[];
  declare copied: boolean;

  constructor() {
    super();
    this.omitted = [];
    this.copied = false;
  }

  override render(): TemplateResult {
    const state = { ...this.state, hidden: [...this.state.hidden, ...this.omitted] };
    const fragment = encode(state);
    const { page } = this.bench.addresses;
    const link = `${String(page)}${fragment}`;
    const long = link.length > COMFORTABLE;
    return html`<section class="card stack" aria-label="Share">
      <p>
        This link holds the solution and the group on screen, with their scores and all settings; of a file with many
        solutions, the one that is open. It is part of the address that browsers do not send to a server.
        ${page === "" ? "Put it behind the address of a page that shows the playground." : nothing}
      </p>
      <div class="row">
        <input class="link" readonly aria-label="Link" .value=${link} @focus=${select} />
        <button class="primary" @click=${() => this.#copy(link)}>${this.copied ? "Copied" : "Copy the link"}</button>
        <button @click=${() => save("minform-state.json", writeState(state), "application/json")}>Save as a file</button>
      </div>
      ${long
        ? html`<p class="small" role="status">
            This link is ${link.length} characters long; many programs cut that. A file is safer.
          </p>`
        : nothing}
      <fieldset class="stack">
        <legend>For a lesson: take these controls away</legend>
        <div class="boxes">${CONTROLS.map((control) => this.#box(control))}</div>
      </fieldset>
    </section>`;
  }

  #box(control: Control): TemplateResult {
    const gone = this.omitted.includes(control);
    const turn = (): void => {
      this.omitted = gone ? this.omitted.filter((one) => one !== control) : [...this.omitted, control];
      this.copied = false;
    };
    return html`<label><input type="checkbox" .checked=${gone} @change=${turn} />${CONTROL_NAMES[control]}</label>`;
  }

  async #copy(link: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(link);
      this.copied = true;
    } catch {
      // Without permission the user copies the marked text.
      this.renderRoot.querySelector<HTMLInputElement>("input.link")?.select();
    }
  }
}

function select(event: Event): void {
  (event.target as HTMLInputElement).select();
}

define("minform-share", SharePanel);
