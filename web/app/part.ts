/** What every part of the playground is made from: the common sheet, the workbench, and drawing when it changes. */

import { type CSSResultGroup, LitElement, type PropertyDeclarations, unsafeCSS } from "lit";

import common from "../style.css?inline";
import type { Live, Workbench } from "./workbench";
import type { Control, State } from "./state";
import { Watch, type Watched } from "./store";

export const sheet = unsafeCSS(common);

export class Part extends LitElement {
  static override styles: CSSResultGroup = [sheet];
  static override properties: PropertyDeclarations = { bench: { attribute: false } };

  declare bench: Workbench;
  #watch = new Watch(this);

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has("bench")) this.#watch.watch(this.watched());
  }

  /** What this part shows: it is drawn again when one of these changes. */
  protected watched(): Watched[] {
    return [this.bench.state, this.bench.live];
  }

  protected get state(): Readonly<State> {
    return this.bench.state.value;
  }

  protected get live(): Readonly<Live> {
    return this.bench.live.value;
  }

  protected shows(control: Control): boolean {
    return this.bench.shows(control);
  }
}

/** Registers an element once, however often the script is loaded. */
export function define(name: string, part: CustomElementConstructor): void {
  if (customElements.get(name) === undefined) customElements.define(name, part);
}
