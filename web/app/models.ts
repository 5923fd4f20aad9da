/** Where model files come from: the nano models beside this page, or files that the user drops. */

import type { ModelFile, Slot } from "../engine/protocol";
import { joined } from "./bytes";

/** What the arithmetic world puts between a question and its solution. */
export const NANO_PROMPT_END = " => ";

const NANO_FILES = ["config.json", "tokenizer.json", "model.safetensors"] as const;

/** Bytes that have arrived, and bytes in all where the server tells. */
export interface Progress {
  loaded: number;
  total: number;
}

/** Fetches the nano policy and PRM from `base`; `heard` is told of all files together. */
export async function fetchNano(
  base: string | URL,
  heard: (progress: Progress) => void,
): Promise<Record<Slot, ModelFile[]>> {
  const arrived = new Map<string, Progress>();
  const fetchOne = async (slot: Slot, name: string): Promise<ModelFile> => {
    const address = new URL(`nano/${slot}/${name}`, base);
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${name} of the nano ${slot} did not arrive: status ${response.status}`);
    const hear = (one: Progress): void => {
      const all = [...arrived.set(address.href, one).values()];
      heard({ loaded: sum(all.map((file) => file.loaded)), total: sum(all.map((file) => file.total)) });
    };
    return { name, bytes: await read(response, hear) };
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

/** The files of a model that the user chose, without reading them yet. */
export interface Choice {
  files: File[];
  bytes: number;
}

const WANTED = /(\.safetensors|\.gguf|^config\.json|^tokenizer\.json)$/;

/** Keeps what a model is made of; null if nothing is. */
export function choose(files: Iterable<File>): Choice | null {
  const wanted = [...files].filter((file) => WANTED.test(file.name));
  const weights = wanted.some((file) => /\.(safetensors|gguf)$/.test(file.name));
  return weights ? { files: wanted, bytes: sum(wanted.map((file) => file.size)) } : null;
}

export async function readChoice({ files }: Choice): Promise<ModelFile[]> {
  return Promise.all(files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
