/** One file from an address: fetched from where an earlier try broke off, and checked before it counts. */

import { joined } from "./bytes";
import { Keep, fingerprint } from "./keep";
import { type Progress, isWeights } from "./models";
import { Refused } from "./schema";

/** What a server and the user say of a file. */
export interface Announced {
  name: string;
  address: string;
  /** 0 where the server does not tell. */
  bytes: number;
  /** Empty where nobody tells. */
  sha256: string;
  /** By what the server tells one version from the next. */
  stamp: string;
}

/** Bytes that are kept at a time: what a closed page costs at most. */
const PART = 8 << 20;
/** How often a download that does not move is taken up again before the user has to. */
const TRIES = 4;
const PAUSE_MS = 500;

/** A plain request that tells nothing of the page or its user. */
const PLAIN: RequestInit = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" };

/** Asks another server; one that cannot be reached is refused in words. */
export async function request(address: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(address, { ...PLAIN, ...options });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Unreachable(`${address} cannot be reached, or its server does not let other pages read it`, { cause: error });
  }
}

/** Nobody answered, or not for this page. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

export class Download {
  #file: Announced;
  #keep: Keep;
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #heard: (progress: Progress) => void;

  private constructor(file: Announced, keep: Keep, heard: (progress: Progress) => void) {
    this.#file = file;
    this.#keep = keep;
    this.#heard = heard;
  }

  /** The whole file, of which only what has not been kept is fetched. */
  static async run(
    file: Announced,
    heard: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const keep = await Keep.open(file.address, `${file.bytes} ${file.stamp}`);
    const download = new Download(file, keep, heard);
    if (download.#resumes || (await keep.isWhole())) download.#parts = await keep.parts();
    await download.#fetch(signal);
    return download.#checked();
  }

  /** Weights come as they are, at a length that is known; texts may be packed on the way. */
  get #resumes(): boolean {
    return this.#file.bytes > 0 && isWeights(this.#file.name);
  }

  get #loaded(): number {
    return this.#parts.reduce((total, part) => total + part.length, 0);
  }

  /** `waiting` bytes have arrived beside the parts. */
  #tell(waiting = 0): void {
    const loaded = this.#loaded + waiting;
    this.#heard({ loaded, total: Math.max(this.#file.bytes, loaded) });
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    this.#tell();
    let stuck = 0;
    while (this.#parts.length === 0 || this.#loaded < this.#file.bytes) {
      const before = this.#loaded;
      try {
        return await this.#fetchRest(signal);
      } catch (error) {
        signal.throwIfAborted();
        stuck = this.#loaded > before ? 1 : stuck + 1;
        if (stuck >= TRIES || error instanceof Refused) throw error;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** stuck));
      }
    }
  }

  async #fetchRest(signal: AbortSignal): Promise<void> {
    const { address } = this.#file;
    if (!this.#resumes) this.#parts = [];
    const from = this.#loaded;
    const response = await request(address, { signal, headers: from > 0 ? { Range: `bytes=${from}-` } : {} });
    if (!response.ok) throw new Refused(`${address} answers with status ${response.status}`);
    if (from > 0 && response.status !== 206) {
      // A server that knows no ranges begins anew.
      await this.#keep.drop();
      this.#parts = [];
    }
    const reader = response.body?.getReader();
    if (reader === undefined) throw new Refused(`${address} is empty`);
    let pieces: Uint8Array<ArrayBuffer>[] = [];
    let waiting = 0;
    const close = async (): Promise<void> => {
      if (waiting === 0) return;
      const part = joined(pieces);
      [pieces, waiting] = [[], 0];
      await this.#keep.add(this.#parts.push(part) - 1, part);
    };
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        pieces.push(piece.value);
        waiting += piece.value.length;
        if (waiting >= PART) await close();
        this.#tell(waiting);
      }
    } finally {
      // What has arrived is kept, however it ended.
      await close();
    }
  }

  async #checked(): Promise<Uint8Array<ArrayBuffer>> {
    const { name, address, bytes: announced, sha256: wanted } = this.#file;
    const bytes = joined(this.#parts);
    const sha256 = await fingerprint(bytes);
    const problem =
      this.#resumes && bytes.length !== announced
        ? `with ${bytes.length} bytes, not ${announced}`
        : wanted !== "" && sha256 !== "" && sha256 !== wanted
          ? `with the checksum ${sha256}, not ${wanted}`
          : "";
    if (problem !== "") {
      await this.#keep.drop();
      throw new Refused(`${name} arrived damaged, ${problem}; it was thrown away and can be fetched again`);
    }
    await this.#keep.finish({ name, address, bytes: bytes.length, sha256 });
    return bytes;
  }
}
