/** The credit build of minform: small, synchronous, on the page's own thread. */

import init, * as wasm from "../app/wasm/credit/minform_web";
import type { Credit } from "./protocol";

/** Fetches and starts it. `address` overrides where the wasm file lies. */
export async function loadCredit(address?: string | URL): Promise<Credit> {
  await (address === undefined ? init() : init({ module_or_path: address }));
  return wasm;
}
