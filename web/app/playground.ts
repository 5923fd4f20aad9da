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
import { Refused } from "./schema";
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

  /** The view can be changed from outside at any time. */
  override updated(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("view") && this.#bench !== null) this.#show(this.#bench);
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
      this.#bench = new Workbench(credit, { embedded: this.embedded, models, recorded, engine });
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
      if (state === null && this.state) throw new Refused("its state attribute does not begin with #v1=");
      if (state !== null) bench.state.set(state);
    } catch (error) {
      bench.say(`The link was not opened: ${messageOf(error)}.`, "error");
    }
    this.#show(bench);
  }

  #show(bench: Workbench): void {
    const { view } = this;
    if (view === null) return;
    if (VIEWS.includes(view as ViewName)) bench.state.set({ view: view as ViewName });
    else bench.say(`There is no view "${view}"; there are ${VIEWS.join(", ")}.`, "error");
  }

  #followAddress(bench: Workbench): void {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    let { view } = bench.state.value;
    const address = (state: State): string => encode(state) || location.pathname + location.search;
    const write = (state: State): void => {
      clearTimeout(waiting);
      // Each view that was looked at is a place to go back to.
      if (state.view !== view) history.pushState(null, "", address(state));
      else waiting = setTimeout(() => history.replaceState(null, "", address(state)), SETTLED_MS);
      ({ view } = state);
    };
    const read = (): void => {
      try {
        const state = decode(location.hash) ?? consistent(initialState());
        ({ view } = state);
        bench.state.set(state);
      } catch (error) {
        bench.say(`The link was not opened: ${messageOf(error)}.`, "error");
      }
    };
    addEventListener("popstate", read);
    this.#ends.push(bench.state.subscribe(write), () => removeEventListener("popstate", read), () => clearTimeout(waiting));
  }
}

export function register(): void {
  define("minform-playground", Playground);
}
