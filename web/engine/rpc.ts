/**
 * Calls across a worker boundary: request, answer, events on the way, and cancel.
 *
 * A call that takes an AbortSignal can be cancelled softly: the other side's `listen` then returns false, and the
 * engine stops at its next safe point. Whoever cannot wait for that ends the worker.
 */

/** The half of `Worker` and of a worker's `self` that messages need. */
export interface Port {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

type Message =
  | { kind: "call"; id: number; method: string; input: unknown }
  | { kind: "cancel"; id: number }
  | { kind: "event"; id: number; event: unknown }
  | { kind: "result"; id: number; value: unknown }
  | { kind: "error"; id: number; name: string; message: string };

/** A remote function: what goes in, what comes out, and what is told on the way. */
export interface Call<Input, Output, Event = never> {
  input: Input;
  output: Output;
  event: Event;
}

/** A table of remote functions. */
export type Methods<T> = { [K in keyof T]: Call<unknown, unknown, unknown> };

/** Tells an event on the way; false asks the callee to stop. */
export type Listen<Event> = (event: Event) => boolean;

export type Handlers<T extends Methods<T>> = {
  [K in keyof T]: (input: T[K]["input"], listen: Listen<T[K]["event"]>) => Promise<T[K]["output"]> | T[K]["output"];
};

/**
 * Answers calls that arrive at `port`, one after another: a model does one thing at a time. A call that is cancelled
 * before its turn is not begun. Returns the function that cancels what has been asked and ends when nothing is at work.
 */
export function serve<T extends Methods<T>>(port: Port, handlers: Handlers<T>): () => Promise<void> {
  const wanted = new Set<number>();
  let last: Promise<void> = Promise.resolve();
  port.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (data.kind === "cancel") {
      wanted.delete(data.id);
    } else if (data.kind === "call") {
      wanted.add(data.id);
      last = last.then(() => answer(data.id, data.method as keyof T, data.input));
    }
  });

  async function answer(id: number, method: keyof T, input: unknown): Promise<void> {
    const listen = (event: unknown): boolean => {
      port.postMessage({ kind: "event", id, event } satisfies Message);
      return wanted.has(id);
    };
    try {
      if (!wanted.has(id)) throw new Error("cancelled before its turn");
      const value = await handlers[method](input, listen);
      port.postMessage({ kind: "result", id, value } satisfies Message);
    } catch (error) {
      const name = error instanceof Error ? error.name : "Error";
      port.postMessage({ kind: "error", id, name, message: messageOf(error) } satisfies Message);
    } finally {
      wanted.delete(id);
    }
  }

  return () => {
    wanted.clear();
    return last;
  };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  hear(event: unknown): void;
}

export interface CallOptions<Event> {
  listen?: ((event: Event) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Buffers handed over instead of copied. */
  transfer?: Transferable[] | undefined;
}

/** Calls what the other side of `port` serves. */
export class Remote<T extends Methods<T>> {
  #waiting = new Map<number, Waiting>();
  #port: Port;
  #next = 1;
  #closed: Error | null = null;

  constructor(port: Port) {
    this.#port = port;
    port.addEventListener("message", ({ data }: MessageEvent<Message>) => this.#receive(data));
  }

  call<K extends keyof T & string>(
    method: K,
    input: T[K]["input"],
    { listen, signal, transfer }: CallOptions<T[K]["event"]> = {},
  ): Promise<T[K]["output"]> {
    if (signal?.aborted) return Promise.reject(cancelled());
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const id = this.#next++;
    const cancel = (): void => this.#port.postMessage({ kind: "cancel", id } satisfies Message);
    signal?.addEventListener("abort", cancel, { once: true });
    const result = new Promise<T[K]["output"]>((resolve, reject) => {
      // The engine ends a cancelled call with an error of its own; the caller hears one kind only.
      const fail = (error: Error): void => reject(signal?.aborted ? cancelled() : error);
      this.#waiting.set(id, { resolve, reject: fail, hear: (event) => listen?.(event) });
      this.#port.postMessage({ kind: "call", id, method, input } satisfies Message, transfer ?? []);
    });
    return result.finally(() => signal?.removeEventListener("abort", cancel));
  }

  /** Fails every call that waits and all to come, because the other side is gone. */
  close(reason: string, name = "Error"): void {
    this.#closed = Object.assign(new Error(reason), { name });
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closed);
    this.#waiting.clear();
  }

  #receive(message: Message): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined || message.kind === "call" || message.kind === "cancel") return;
    if (message.kind === "event") {
      waiting.hear(message.event);
      return;
    }
    this.#waiting.delete(message.id);
    if (message.kind === "result") waiting.resolve(message.value);
    else waiting.reject(Object.assign(new Error(message.message), { name: message.name }));
  }
}

/** What a cancelled call rejects with. */
export function cancelled(): DOMException {
  return new DOMException("cancelled", "AbortError");
}

export function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
