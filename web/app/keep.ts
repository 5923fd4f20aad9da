/**
 * Downloads kept in the browser, in parts.
 *
 * A part is written whole or not at all, so a download that breaks off goes on after its last part, and a file counts as
 * kept only once a note of its length and checksum has been written beside all of its parts. Where the browser keeps
 * nothing, as in a private window or a foreign frame, everything goes on without.
 */

import { joined } from "./bytes";

const CACHE = "minform.models";

/** A file that was kept whole. */
export interface KeptFile {
  key: string;
  name: string;
  address: string;
  bytes: number;
  sha256: string;
}

/** The parts of one download. */
export class Keep {
  #cache: Cache | null;
  #key: string;

  constructor(cache: Cache | null, key: string) {
    this.#cache = cache;
    this.#key = key;
  }

  /** For a file of this address and stamp, by which the server tells one version from the next. */
  static async open(address: string, stamp: string): Promise<Keep> {
    return new Keep(await cache(), await fingerprint(new TextEncoder().encode(`${address}\n${stamp}`)));
  }

  /** Whether all of it was there once, and right. */
  async isWhole(): Promise<boolean> {
    return (await this.#cache?.match(place(this.#key, "whole"))) !== undefined;
  }

  /** The parts that have been kept, from the first to the one before the first gap. */
  async parts(): Promise<Uint8Array<ArrayBuffer>[]> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const found = await this.#cache?.match(place(this.#key, parts.length));
      if (found === undefined) return parts;
      parts.push(new Uint8Array(await found.arrayBuffer()));
    }
  }

  /** Keeps a part; without room for it, nothing is kept from here on. */
  async add(at: number, part: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await this.#cache?.put(place(this.#key, at), new Response(part));
    } catch {
      this.#cache = null;
    }
  }

  /** Notes that all parts are there and have been checked. */
  async finish(file: Omit<KeptFile, "key">): Promise<void> {
    try {
      await this.#cache?.put(place(this.#key, "whole"), Response.json({ key: this.#key, ...file } satisfies KeptFile));
    } catch {
      // The file has arrived; it is not kept, and will be fetched again another time.
    }
  }

  async drop(): Promise<void> {
    await dropKept(this.#key);
  }
}

/** The files that are kept whole. */
export async function keptFiles(): Promise<KeptFile[]> {
  const found = await cache();
  const notes = ((await found?.keys()) ?? []).filter(({ url }) => url.endsWith("/whole"));
  const files = await Promise.all(notes.map(async (note) => (await found?.match(note))?.json() as Promise<KeptFile>));
  return files.toSorted((one, other) => one.name.localeCompare(other.name));
}

/** The bytes of a file that was kept whole. */
export async function readKept({ key }: KeptFile): Promise<Uint8Array<ArrayBuffer>> {
  return joined(await new Keep(await cache(), key).parts());
}

/** Removes a file, or what there is of it; its note goes first. */
export async function dropKept(key: string): Promise<void> {
  const found = await cache();
  const own = ((await found?.keys()) ?? []).filter(({ url }) => url.includes(`/${key}/`));
  const isNote = ({ url }: Request): number => Number(url.endsWith("/whole"));
  for (const request of own.toSorted((one, other) => isNote(other) - isNote(one))) await found?.delete(request);
}

/** The SHA-256 of some bytes in hexadecimal digits; empty where the browser computes none, as on plain http. */
export async function fingerprint(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function cache(): Promise<Cache | null> {
  try {
    return await caches.open(CACHE);
  } catch {
    return null;
  }
}

/** The address under which a part is kept; nothing is ever asked there. */
function place(key: string, part: number | "whole"): string {
  return `https://kept.invalid/${key}/${part}`;
}
