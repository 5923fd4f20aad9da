/**
 * `<minform-playground>`: the whole playground as one element.
 *
 * Attributes: `view` opens one view, `state` takes the fragment of a link, `src` the address of a file that the page
 * saved, `theme` is light or dark. With none of them on the page's own element, the state lives in the address.
 */

import { type CSSResultGroup, LitElement, type TemplateResult, css, html, unsafeCSS } from "lit";

import type { EngineOptions } from "../engine/engine";
import { loadCredit } from "../engine/credit";
import { messageOf } from "../engine/rpc";
import theme from "../theme.css?inline";
import "./app";
import { define, sheet } from "./part";
import { decode, encode } from "./permalink";
import { readState } from "./files";
import { type State, VIEWS, type ViewName, consistent, initialState } from "./state";
import { Workbench } from "./workbench";

/** Where the parts of a bundle lie; whoever bundles this anew tells its own. */
export interface Configuration {
  /** Address of the credit build. */
  credit?: string | URL;
  /** Folder that holds `nano/`. */
  models?: string | URL;
  /** Folder that holds recorded samples. */
  recorded?: string | URL;
  engine?: EngineOptions;
}

const configuration: Configuration = {};

/** Called before the first element is made. */
export function configure(change: Configuration): void {
  Object.assign(configuration, change);
}

/** Quiet time after a change before the address follows it. */
const SETTLED_MS = 400;

export class Playground extends LitElement {
  static override styles: CSSResultGroup = [
    sheet,
    unsafeCSS(theme),
    css`
      :host(:not([embedded])) {
        min-height: 100vh;
      }
      .failure {
        padding: 4rem 1rem;
        margin: auto;
      }
    `,
  ];
  static override properties = {
    src: {},
    state: {},
    view: {},
    embedded: { type: Boolean, reflect: true },
    failure: { state: true },
  };

  declare src: string | null;
  declare state: string | null;
  declare view: string | null;
  /** Inside another page: leaves the address of that page alone. */
  declare embedded: boolean;
  declare failure: string;
  #bench: Workbench | null = null;
  #ends: (() => void)[] = [];

  constructor() {
    super();
    this.src = null;
    this.state = null;
    this.view = null;
    this.embedded = false;
    this.failure = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#ends) end();
    this.#ends = [];
    this.#bench?.close();
    this.#bench = null;
  }

  override render(): TemplateResult {
    if (this.failure !== "") return html`<p class="failure" role="alert">${this.failure}</p>`;
    return this.#bench === null ? html`<slot></slot>` : html`<minform-app .bench=${this.#bench}></minform-app>`;
  }

  /** The state as the fragment of a link. */
  get link(): string {
    return this.#bench === null ? "" : encode(this.#bench.state.value);
  }

  async #open(): Promise<void> {
    try {
      const credit = await loadCredit(configuration.credit);
      if (!this.isConnected || this.#bench !== null) return;
      const beside = (folder: string): URL => new URL(folder, document.baseURI);
      const { models = beside("models/"), recorded = beside("recorded/"), engine = {} } = configuration;
      this.#bench = new Workbench(credit, { models, recorded, engine });
      await this.#restore(this.#bench);
      if (!this.embedded) this.#followAddress(this.#bench);
      this.requestUpdate();
      await this.updateComplete;
      // After the first paint; the page is of use without the engine.
      requestAnimationFrame(() => setTimeout(() => void this.#bench?.start()));
    } catch (error) {
      this.failure = `The playground could not start: ${messageOf(error)}. It needs WebAssembly.`;
    }
  }

  /** From `src`, `state` or the address, in this order; whatever is refused is told, and the page starts fresh. */
  async #restore(bench: Workbench): Promise<void> {
    try {
      const fragment = this.state ?? (this.embedded ? "" : location.hash);
      const state = this.src === null ? decode(fragment) : await readState(this.src);
      if (state !== null) bench.state.set(state);
    } catch (error) {
      bench.say(`The link was not opened: ${messageOf(error)}.`, "error");
    }
    const view = this.view as ViewName;
    if (VIEWS.includes(view)) bench.state.set({ view });
  }

  #followAddress(bench: Workbench): void {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const write = (state: State): void => {
      clearTimeout(waiting);
      waiting = setTimeout(() => history.replaceState(null, "", encode(state) || location.pathname + location.search), SETTLED_MS);
    };
    const read = (): void => {
      try {
        bench.state.set(decode(location.hash) ?? consistent(initialState()));
      } catch (error) {
        bench.say(`The link was not opened: ${messageOf(error)}.`, "error");
      }
    };
    addEventListener("hashchange", read);
    this.#ends.push(bench.state.subscribe(write), () => removeEventListener("hashchange", read), () => clearTimeout(waiting));
  }
}

export function register(): void {
  define("minform-playground", Playground);
}
