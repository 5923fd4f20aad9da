/** Where model files come from: the nano models beside this page, or files that the user offers. */

import type { ModelFile, Slot } from "../engine/protocol";
import { joined } from "./bytes";
import { type Place, open } from "./place";

const NANO_FILES = ["config.json", "tokenizer.json", "model.safetensors"] as const;

/** Bytes that have arrived, and bytes in all where the server tells. */
export interface Progress {
  loaded: number;
  total: number;
}

/** Fetches the nano policy and PRM from `base`; `heard` is told of all files together. */
export async function fetchNano(
  base: Place,
  heard: (progress: Progress) => void,
): Promise<Record<Slot, ModelFile[]>> {
  const hear = together(heard);
  const fetchOne = async (slot: Slot, name: string): Promise<ModelFile> => {
    const path = `nano/${slot}/${name}`;
    const response = await open(base, path);
    if (!response.ok) throw new Error(`${name} of the nano ${slot} did not arrive: status ${response.status}`);
    return { name, bytes: await read(response, hear(path)) };
  };
  const fetchAll = (slot: Slot): Promise<ModelFile[]> => Promise.all(NANO_FILES.map((name) => fetchOne(slot, name)));
  const [policy, prm] = await Promise.all([fetchAll("policy"), fetchAll("prm")]);
  return { policy, prm };
}

async function read(response: Response, heard: (progress: Progress) => void): Promise<Uint8Array> {
  const total = Number(response.headers.get("content-length") ?? 0);
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array(await response.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    loaded += part.value.length;
    heard({ loaded, total: Math.max(total, loaded) });
  }
  return joined(chunks);
}

/** A file of a model that is offered to the user, without having been read. */
export interface OfferedFile {
  name: string;
  bytes: number;
  /** What it must be; empty where nobody tells. */
  sha256: string;
  /** Where it comes from; empty for the user's own machine. */
  address: string;
  read(heard: (progress: Progress) => void, signal: AbortSignal): Promise<Uint8Array>;
}

/** A model as it is offered. */
export interface Offer {
  files: OfferedFile[];
  bytes: number;
  /** About what it takes while it is loaded: the files in the page and in the engine, and its values. */
  memory: number;
  /** Whether the engine cannot hold it: a wasm program has four gigabytes of addresses. */
  isTooLarge: boolean;
}

const COMPANIONS = /^(config|tokenizer|tokenizer_config|generation_config)\.json$|^chat_template\.jinja$/;
const ADDRESSED = 2 ** 32;

export function isWeights(name: string): boolean {
  return /\.(safetensors|gguf)$/.test(name);
}

/** Keeps what a model is made of; null if nothing is. */
export function offer(files: OfferedFile[]): Offer | null {
  const wanted = files.filter(({ name }) => isWeights(name) || COMPANIONS.test(name));
  if (!wanted.some(({ name }) => isWeights(name))) return null;
  const bytes = sum(wanted.map((file) => file.bytes));
  const values = sum(wanted.map((file) => (isWeights(file.name) ? (32 / bitsIn(file.name)) * file.bytes : 0)));
  return { files: wanted, bytes, memory: 2 * bytes + values, isTooLarge: bytes + values > ADDRESSED };
}

/** Bits of a weight, as the names of GGUF files tell it; else the half precision that most models come in. */
function bitsIn(name: string): number {
  const quantised = /[._-]I?Q(\d)/i.exec(name)?.[1];
  // A block of quantised weights has a scale of its own.
  if (quantised !== undefined) return Number(quantised) + 0.5;
  return /[._-]f(p)?32/i.test(name) ? 32 : 16;
}

/** The files that the user gave, as an offer. */
export function offerOf(files: Iterable<File>): Offer | null {
  const read = (file: File) => async (): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());
  return offer([...files].map((file) => ({ name: file.name, bytes: file.size, sha256: "", address: "", read: read(file) })));
}

/** Reads or fetches all files of an offer; `heard` is told of all together. */
export async function readOffer(
  { files }: Offer,
  heard: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<ModelFile[]> {
  const hear = together(heard);
  return Promise.all(files.map(async ({ name, read }) => ({ name, bytes: await read(hear(name), signal) })));
}

/** Adds up what several files tell of themselves. */
function together(heard: (progress: Progress) => void): (name: string) => (progress: Progress) => void {
  const arrived = new Map<string, Progress>();
  return (name) => (one) => {
    const all = [...arrived.set(name, one).values()];
    heard({ loaded: sum(all.map((file) => file.loaded)), total: sum(all.map((file) => file.total)) });
  };
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
