/** The half of a notebook's widget model that is used here. */

import type { Files } from "./files";

export interface Traits {
  /** Name of this widget, the same for all of its views. */
  _name: string;
  /** Fingerprint of the files. */
  _build: string;
  /** Model that holds the files. */
  _files: string;
  /** The state of the page; see `web/app/state.ts`. */
  state: Record<string, unknown>;
  /** What was asked of the live run, oldest first. */
  _commands: { id: number; do: "play" | "pause" | "step" | "reset"; count?: number }[];
  /** The last of these that was carried out. */
  _done: number;
  /** Rows of the log of the live run from row `from` on; what is told again has another number. */
  _heard: { run: string; from: number; rows: unknown[]; telling: number };
  /** How many rows of which run have arrived. */
  _known: { run: string; rows: number };
  phase: string;
  credit: unknown[];
  link: string;
  /** A picture of the first chart, as base64. */
  _picture: string;
  theme: string | null;
  height: number | null;
}

export interface Model {
  get<K extends keyof Traits>(name: K): Traits[K];
  set<K extends keyof Traits>(name: K, value: Traits[K]): void;
  save_changes(): void;
  on(event: string, listener: () => void): void;
  off(event?: string | null, listener?: (() => void) | null): void;
  widget_manager: { get_model(id: string): Promise<{ get(name: "files"): Record<string, DataView | Uint8Array> }> };
}

/** The files of the model that holds them for all widgets of a kernel. */
export async function filesOf(model: Model): Promise<Files> {
  const shelf = await model.widget_manager.get_model(model.get("_files"));
  const bytes = ({ buffer, byteOffset, byteLength }: DataView | Uint8Array): Uint8Array<ArrayBuffer> =>
    new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return Object.fromEntries(Object.entries(shelf.get("files")).map(([name, view]) => [name, bytes(view)]));
}
