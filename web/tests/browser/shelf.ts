/** A server of files that may fail: what a model is fetched from in the tests. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const PRM = new URL("../../models/nano/prm/", import.meta.url);
const FILES = ["config.json", "tokenizer.json", "model.safetensors"];

export interface Asked {
  method: string;
  name: string;
  range: string;
}

/** The nano reward model as a folder of another origin, with checksums. */
export class Shelf {
  /** What was asked for so far. */
  readonly asked: Asked[] = [];
  /** The share of the weights after which the line breaks; 1 for never. */
  breaksAt = 1;
  /** Whether one byte of the weights is another. */
  isDamaged = false;
  /** Where the folder is. */
  address = "";
  #files = new Map<string, Buffer>();
  #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async open(): Promise<Shelf> {
    const shelf = new Shelf();
    for (const name of FILES) shelf.#files.set(name, await readFile(fileURLToPath(new URL(name, PRM))));
    const sum = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    const sums = [...shelf.#files].map(([name, bytes]) => `${sum(bytes)}  ${name}\n`);
    shelf.#files.set("SHA256SUMS", Buffer.from(sums.join("")));
    await new Promise<void>((resolve) => shelf.#server.listen(0, "127.0.0.1", resolve));
    shelf.address = `http://127.0.0.1:${(shelf.#server.address() as AddressInfo).port}/prm`;
    return shelf;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Requests for the weights themselves. */
  get fetched(): Asked[] {
    return this.asked.filter(({ method, name }) => method === "GET" && name === "model.safetensors");
  }

  #answer({ method = "", url = "", headers: { range = "" } }: IncomingMessage, response: ServerResponse): void {
    const name = url.split("/").at(-1) ?? "";
    this.asked.push({ method, name, range });
    const file = this.#files.get(name);
    const headers = { "access-control-allow-origin": "*", "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" };
    if (file === undefined) return void response.writeHead(404, headers).end();
    const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
    const rest = Buffer.from(file.subarray(from));
    if (this.isDamaged && name === "model.safetensors") rest[rest.length - 1]! ^= 1;
    response.writeHead(from > 0 ? 206 : 200, { ...headers, "content-length": rest.length });
    if (method === "HEAD") return void response.end();
    const sent = name === "model.safetensors" ? Math.floor(rest.length * this.breaksAt) : rest.length;
    if (sent === rest.length) return void response.end(rest);
    // Let what was sent arrive before the line breaks.
    response.write(rest.subarray(0, sent));
    setTimeout(() => response.destroy(), 300);
  }
}
