import { describe, expect, it } from "vitest";

import { type Call, Remote, isCancelled, serve } from "../../engine/rpc";

interface Table {
  double: Call<number, number>;
  count: Call<number, number, number>;
  fail: Call<null, null>;
}

function pair(): Remote<Table> {
  return served().remote;
}

function served(): { remote: Remote<Table>; stop: () => Promise<void> } {
  const { port1, port2 } = new MessageChannel();
  port1.start();
  port2.start();
  const stop = serve<Table>(port2, {
    double: (input) => 2 * input,
    async count(most, listen) {
      let at = 0;
      while (at < most && listen(at)) {
        at += 1;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      if (at < most) throw new Error("stopped");
      return at;
    },
    fail: () => {
      throw new Error("as it should");
    },
  });
  return { remote: new Remote<Table>(port1), stop };
}

describe("remote calls", () => {
  it("answer, each to its own caller", async () => {
    const remote = pair();
    expect(await Promise.all([remote.call("double", 2), remote.call("double", 5)])).toEqual([4, 10]);
  });

  it("tell events in their order", async () => {
    const heard: number[] = [];
    expect(await pair().call("count", 3, { listen: (at) => heard.push(at) })).toBe(3);
    expect(heard).toEqual([0, 1, 2]);
  });

  it("hand errors over", async () => {
    await expect(pair().call("fail", null)).rejects.toThrow("as it should");
  });

  it("stop when they are cancelled, on both sides", async () => {
    const cancel = new AbortController();
    const heard: number[] = [];
    const call = pair().call("count", 100_000, {
      signal: cancel.signal,
      listen: (at) => {
        heard.push(at);
        if (at === 3) cancel.abort();
      },
    });
    const error: unknown = await call.catch((reason: unknown) => reason);
    expect(isCancelled(error)).toBe(true);
    expect(heard.length).toBeLessThan(20);
  });

  it("are not begun under a signal that was given before", async () => {
    const error: unknown = await pair().call("double", 1, { signal: AbortSignal.abort() }).catch((reason: unknown) => reason);
    expect(isCancelled(error)).toBe(true);
  });

  it("end when the other side stops, those that wait without being begun", async () => {
    const { remote, stop } = served();
    const calls = [remote.call("count", 100_000, { listen: () => void (stopped ??= stop()) }), remote.call("double", 1)];
    let stopped: Promise<void> | undefined;
    const ends = await Promise.allSettled(calls);
    expect(ends.map((end) => end.status === "rejected" && String(end.reason))).toEqual(["Error: stopped", "Error: cancelled before its turn"]);
    await stopped;
  });

  it("fail when the other side is gone", async () => {
    const remote = pair();
    const call = remote.call("count", 100_000);
    remote.close("the engine was stopped");
    await expect(call).rejects.toThrow("stopped");
  });

  it("answers one call after another, and does not begin what was cancelled before its turn", async () => {
    const remote = pair();
    const told: string[] = [];
    const first = remote.call("count", 5, { listen: (at) => told.push(`first ${at}`) });
    const stop = new AbortController();
    const second = remote.call("count", 5, { listen: (at) => told.push(`second ${at}`), signal: stop.signal });
    const third = remote.call("count", 2, { listen: (at) => told.push(`third ${at}`) });
    stop.abort();
    await expect(second).rejects.toSatisfy(isCancelled);
    expect(await Promise.all([first, third])).toEqual([5, 2]);
    expect(told).toEqual(["first 0", "first 1", "first 2", "first 3", "first 4", "third 0", "third 1"]);
  });
});
