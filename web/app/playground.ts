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
import type { Place } from "./place";
import { type State, VIEWS, type ViewName, consistent, initialState } from "./state";
import type { LoggedEvent, TrainingState } from "./training";
import { type Command, Workbench } from "./workbench";

/** Where the parts of a bundle lie; whoever bundles this anew tells its own. */
export interface Configuration {
  /** Address of the credit build, or what was compiled from it. */
  credit?: string | URL | WebAssembly.Module;
  /** Folder that holds `nano/`. */
  models?: Place;
  /** Folder that holds recorded samples. */
  recorded?: Place;
  /** Address of a page with the playground alone, which links lead to. */
  page?: string | URL;
  engine?: EngineOptions;
}

const configuration: Configuration = {};

/** Called before the first element is made. */
export function configure(change: Configuration): void {
  Object.assign(configuration, change);
}

/** A workbench with the parts that have been told; whoever makes it ends it. */
export async function makeWorkbench(embedded: boolean): Promise<Workbench> {
  const credit = await loadCredit(configuration.credit);
  const beside = (folder: string): URL => new URL(folder, document.baseURI);
  const own = embedded ? "" : location.origin + location.pathname;
  const { models = beside("models/"), recorded = beside("recorded/"), page = own, engine = {} } = configuration;
  return new Workbench(credit, { embedded, models, recorded, page, engine });
}

/** What `minform-training` tells of the live run. */
export interface TrainingDetail {
  phase: TrainingState["phase"];
  /** Updates that both policies have made. */
  made: number;
  failure: string;
  /** Everything that was told of the run, oldest first. */
  events: readonly LoggedEvent[];
}

export function trainingDetail({ training }: Workbench): TrainingDetail {
  const { phase, failure, run } = training.store.value;
  return { phase, made: training.made, failure, events: run?.log ?? [] };
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
    bench: { attribute: false },
    failure: { state: true },
  };

  declare src: string | null;
  declare state: string | null;
  declare view: string | null;
  /** Inside another page: leaves the address of that page alone. */
  declare embedded: boolean;
  /** A workbench that several elements share; whoever made it ends it. Without one, the element makes its own. */
  declare bench: Workbench | null;
  declare failure: string;
  #bench: Workbench | null = null;
  #given: Partial<State> = {};
  #ends: (() => void)[] = [];

  constructor() {
    super();
    this.src = null;
    this.state = null;
    this.view = null;
    this.embedded = false;
    this.bench = null;
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
    if (this.#bench !== this.bench) this.#bench?.close();
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

  /** What is on screen; `null` before there is anything. Setting some of its fields changes these alone. */
  get value(): State | null {
    return this.#bench?.state.value ?? null;
  }

  set value(fields: Partial<State>) {
    if (this.#bench === null) this.#given = { ...this.#given, ...fields };
    else this.#change(this.#bench, fields);
  }

  /** Has the live run go on until it is done or paused. */
  play(): void {
    this.#drive({ do: "play" });
  }

  pause(): void {
    this.#drive({ do: "pause" });
  }

  /** Has both policies make so many updates. */
  step(count = 1): void {
    this.#drive({ do: "step", count });
  }

  /** Puts the live run away; the next begins from the first policy. */
  reset(): void {
    this.#drive({ do: "reset" });
  }

  #drive(command: Command): void {
    if (this.#bench === null) throw new Error("the playground is not open yet; wait for its event minform-state");
    void this.#bench.drive(command);
  }

  async #open(): Promise<void> {
    try {
      const bench = this.bench ?? (await makeWorkbench(this.embedded));
      if (!this.isConnected || this.#bench !== null) return;
      this.#bench = bench;
      if (bench !== this.bench) await this.#restore(bench);
      this.#takeGiven(bench);
      if (!this.embedded) this.#followAddress(bench);
      this.#tell(bench);
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

  /** Takes over what was set before there was a workbench, once. */
  #takeGiven(bench: Workbench): void {
    const given = this.#given;
    this.#given = {};
    if (Object.keys(given).length > 0) this.#change(bench, given);
  }

  #change(bench: Workbench, fields: Partial<State>): void {
    try {
      bench.change(fields);
    } catch (error) {
      bench.say(`The page was not changed: ${messageOf(error)}.`, "error");
    }
  }

  /** Tells the page around this element what changes. */
  #tell(bench: Workbench): void {
    const state = (): boolean => this.dispatchEvent(new CustomEvent("minform-state", { detail: bench.state.value }));
    const training = (): boolean =>
      this.dispatchEvent(new CustomEvent("minform-training", { detail: trainingDetail(bench) }));
    this.#ends.push(bench.state.subscribe(state), bench.training.store.subscribe(training));
    state();
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
