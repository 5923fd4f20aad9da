/** The credit build of minform: small, synchronous, on the page's own thread. */

import init, * as wasm from "../app/wasm/credit/minform_web";
import type { Credit } from "./protocol";

/** Fetches and starts it. `given` is another address of the wasm file, or what was compiled from it. */
export async function loadCredit(given?: string | URL | WebAssembly.Module): Promise<Credit> {
  await (given === undefined ? init() : init({ module_or_path: given }));
  return wasm;
}
