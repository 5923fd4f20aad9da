/** Where the parts of the playground lie, if not beside its script. Told before the first element is made. */
export interface Configuration {
  /** Address of the wasm file that computes credit. */
  credit?: string | URL;
  /** Folder that holds `nano/`. */
  models?: string | URL;
  /** Folder that holds recorded samples. */
  recorded?: string | URL;
  engine?: {
    /** The full build reads pretrained models and knows the GPU; it is several times as large. */
    build?: "nano" | "full";
    backend?: "cpu" | "webgpu";
    /** Makes the worker, for bundlers and policies that need it made in another way. */
    worker?: () => Worker;
  };
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
}

declare global {
  interface HTMLElementTagNameMap {
    "minform-playground": Playground;
  }
}
