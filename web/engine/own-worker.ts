/** The worker as a file beside the script. Bundles that are one file bring another. */
export function ownWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
}
