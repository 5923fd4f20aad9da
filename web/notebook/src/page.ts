/** The script of a page that holds everything itself: reads the files out of it, and makes a frame as high as it is. */

import type { Playground } from "../../app/playground";
import { bundle } from "./bundle";
import type { Files } from "./files";
import { ZOOM } from "./zoom";

function filesInPage(): Files {
  const parts = [...document.querySelectorAll<HTMLScriptElement>("script[data-file]")];
  const bytes = (text: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return Object.fromEntries(parts.map((part) => [part.dataset["file"] ?? "", bytes(part.text.trim())]));
}

/** Where the page around allows it; else the frame scrolls. */
function fitFrame(): void {
  try {
    const frame = window.frameElement as HTMLIFrameElement | null;
    if (frame === null) return;
    const fit = (): string => (frame.style.height = `${document.documentElement.offsetHeight + 2}px`);
    new ResizeObserver(fit).observe(document.documentElement);
  } catch {
    // A frame of another origin keeps the height it was given.
  }
}

const state = document.querySelector<HTMLScriptElement>("#state")?.text ?? "{}";
const { build = "" } = document.documentElement.dataset;
try {
  await bundle(build, async () => filesInPage());
  const element = document.querySelector<Playground>("minform-playground");
  element?.style.setProperty("zoom", ZOOM);
  if (element !== null) element.value = JSON.parse(state) as object;
  fitFrame();
} catch (error) {
  document.body.append(`The playground could not start: ${error instanceof Error ? error.message : String(error)}`);
}
