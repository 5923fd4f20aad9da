/** A picture of what is on screen, for readers of a notebook whose page runs no scripts. */

import { png } from "../../charts/svg";

/** The first chart inside, as the base64 text of a PNG file; empty if there is none. */
export async function picture(root: ParentNode): Promise<string> {
  const chart = firstChart(root);
  if (chart === null) return "";
  const bytes = new Uint8Array(await (await png(chart)).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Charts lie inside elements inside elements, each with a tree of its own. */
function firstChart(root: ParentNode): SVGSVGElement | null {
  for (const element of root.querySelectorAll("*")) {
    if (element.matches("svg.chart")) return element as SVGSVGElement;
    const found = element.shadowRoot === null ? null : firstChart(element.shadowRoot);
    if (found !== null) return found;
  }
  return null;
}
