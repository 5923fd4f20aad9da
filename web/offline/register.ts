/** Keeps the page for use without a network, where the browser and the address allow it. */

export function keepOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  addEventListener("load", () => {
    // Not being kept is no failure: a frame or a plain http address does not allow it.
    navigator.serviceWorker.register("./service-worker.js").catch(() => undefined);
  });
}
