/** Where engines sit: workers made from text, or the page's own thread where a page allows no such workers. */

import { attend } from "../../engine/attend";
import type { Seat } from "../../engine/engine";
import EngineWorker from "../../engine/worker?worker&inline";

/** How long a worker may take to say a word: a page that allows none says so at once, a machine at work takes its time. */
const PATIENCE_MS = 30_000;

/** Tries whether the page allows workers, and returns the function that makes a seat. */
export async function seats(): Promise<() => Seat> {
  return (await allowsWorkers()) ? () => new EngineWorker() : seatHere;
}

async function allowsWorkers(): Promise<boolean> {
  const address = URL.createObjectURL(new Blob(["postMessage(1)"], { type: "text/javascript" }));
  let worker: Worker | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    worker = new Worker(address);
    const heard = worker;
    return await new Promise<boolean>((resolve) => {
      heard.onmessage = () => resolve(true);
      heard.onerror = () => resolve(false);
      timer = setTimeout(() => resolve(false), PATIENCE_MS);
    });
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    worker?.terminate();
    URL.revokeObjectURL(address);
  }
}

/** Computes in slices, between which the page lives on. What is said arrives as it is, not as a copy. */
function seatHere(): Seat {
  const [here, there] = [new EventTarget(), new EventTarget()];
  const say = (to: EventTarget, data: unknown): void =>
    queueMicrotask(() => to.dispatchEvent(new MessageEvent("message", { data })));
  const port = (own: EventTarget, other: EventTarget): Omit<Seat, "terminate"> => ({
    postMessage: (message: unknown) => say(other, message),
    addEventListener: (type: string, listener: (event: never) => void) =>
      own.addEventListener(type, listener as EventListener),
  });
  const free = attend(port(there, here));
  return { ...port(here, there), terminate: () => void free() };
}
