/** Where the parts of the playground lie, if not beside its script. Told before the first element is made. */
export interface Configuration {
  /** Address of the wasm file that computes credit, or what was compiled from it. */
  credit?: string | URL | WebAssembly.Module;
  /** Folder that holds `nano/`. */
  models?: Place;
  /** Folder that holds recorded samples. */
  recorded?: Place;
  /** Address of a page with the playground alone, which the links of Share lead to; without it they are fragments. */
  page?: string | URL;
  engine?: {
    /** The full build reads pretrained models and knows the GPU; it is several times as large. */
    build?: "nano" | "full";
    backend?: "cpu" | "webgpu";
    /** Makes the worker, for bundlers and policies that need it made in another way. */
    worker?: () => Worker;
    /** The wasm file of the nano build, compiled already. */
    module?: WebAssembly.Module;
  };
}

/** A folder: its address, or a function that gives a file of it. */
export type Place = string | URL | ((name: string) => Uint8Array<ArrayBuffer>);

/** What is on screen; the fields are those of a state that Share saved. */
export type State = Record<string, unknown>;

/** What the event `minform-training` tells. */
export interface TrainingDetail {
  phase: "empty" | "preparing" | "paused" | "playing" | "done";
  /** Updates that both policies have made. */
  made: number;
  failure: string;
  /** The rows that a native run writes to `events.jsonl`, each with its `lane`: `sum` or `min`. */
  events: readonly Record<string, unknown>[];
}

export function configure(change: Configuration): void;

/** Registers `<minform-playground>`; importing the package has done it already. */
export function register(): void;

export class Playground extends HTMLElement {
  /** Address of a state that the playground saved. */
  src: string | null;
  /** The fragment of a link, with its `#`. */
  state: string | null;
  /** The view that is open at first: solution, group, best-of-n, gallery, train or device. */
  view: string | null;
  /** Inside another page: leaves that page's address alone. */
  embedded: boolean;
  /** What is on screen, as the fragment of a link. */
  readonly link: string;
  /** What is on screen; setting some of its fields changes these alone. */
  get value(): State | null;
  set value(fields: State);
  /** Has the live run go on until it is done or paused. */
  play(): void;
  pause(): void;
  /** Has both policies make so many updates. */
  step(count?: number): void;
  /** Puts the live run away; the next begins from the first policy. */
  reset(): void;
}

declare global {
  interface HTMLElementEventMap {
    /** What is on screen has changed. */
    "minform-state": CustomEvent<State>;
    /** The live run has changed. */
    "minform-training": CustomEvent<TrainingDetail>;
  }
  interface HTMLElementTagNameMap {
    "minform-playground": Playground;
  }
}
