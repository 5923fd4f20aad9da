/** What the notebook shows: the playground itself, tied to the model of a widget. */

import { type Playground, configure, register } from "../../app/playground";
import { type Files, read } from "./files";
import type { Model } from "./model";
import { seats } from "./seat";
import { followTheme } from "./theme";
import { Tie } from "./tie";
import { ZOOM } from "./zoom";

/** Gives the playground its parts. Called once in a page, before anything is shown. */
export async function furnish(files: Files): Promise<void> {
  const compile = async (name: string): Promise<WebAssembly.Module> => WebAssembly.compile(await read(files, name));
  const [credit, module, worker] = await Promise.all([compile("credit.wasm"), compile("engine.wasm"), seats()]);
  const place = (name: string): Uint8Array<ArrayBuffer> => {
    const file = files[name];
    if (file === undefined) throw new Error(`the package minform lacks its file ${name}; install it again`);
    return file;
  };
  configure({ credit, models: place, recorded: place, engine: { module, worker } });
  register();
}

/** Shows the widget in `el`. Returns the function that takes it away; with the last view, everything that runs ends. */
export async function show(model: Model, el: HTMLElement): Promise<() => void> {
  const tie = await Tie.open(model);
  const element = document.createElement("minform-playground") as Playground;
  element.embedded = true;
  element.style.setProperty("zoom", ZOOM);
  element.bench = tie.bench;
  const end = followTheme(element, model);
  limitHeight(el, model.get("height"));
  el.append(element);
  tie.shows(element);
  return () => {
    end();
    element.remove();
    tie.close(element);
  };
}

function limitHeight(el: HTMLElement, height: number | null): void {
  if (height === null) return;
  el.style.maxHeight = `${height}px`;
  el.style.overflow = "auto";
}
