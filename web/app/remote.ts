/**
 * Models at an address, looked at before anything of them is fetched.
 *
 * Only what the user has typed and then confirmed is asked for; a link or an attribute of the page cannot ask.
 */

import { Download, Unreachable, request } from "./download";
import { type KeptFile, keptFiles, readKept } from "./keep";
import { type OfferedFile, isWeights } from "./models";
import { Refused } from "./schema";

/** What a folder may hold beside its weights, and whether a model needs it. */
const COMPANIONS: [name: string, needed: boolean][] = [
  ["config.json", true],
  ["tokenizer.json", true],
  ["tokenizer_config.json", false],
  ["generation_config.json", false],
  ["chat_template.jinja", false],
];
const INDEX = "model.safetensors.index.json";
const SUMS = "SHA256SUMS";
const HUB = "huggingface.co";

/**
 * The files behind addresses, with their sizes: a `.gguf` or `.safetensors` file, the folder of a model, or a repository
 * of the hub (`owner/name`). What must arrive is told by `#sha256=…` behind the address of a file, by a file
 * `SHA256SUMS` of a folder, and by the hub. Without a network, what has been kept is offered.
 */
export async function look(addresses: string[], signal: AbortSignal): Promise<OfferedFile[]> {
  const files = await Promise.all(addresses.map((address) => lookAt(address, signal)));
  return files.flat();
}

async function lookAt(text: string, signal: AbortSignal): Promise<OfferedFile[]> {
  const url = absolute(text);
  try {
    return isWeights(url.pathname) ? [await lookAtFile(url, signal)] : await lookAtFolder(url, signal);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const kept = await keptAt(url);
    if (kept.length === 0) throw error;
    return kept;
  }
}

function absolute(text: string): URL {
  const whole = /^[\w.-]+\/[\w.-]+$/.test(text) ? `https://${HUB}/${text}` : text;
  if (!URL.canParse(whole, location.href)) throw new Refused(`${text} is no address`);
  const url = new URL(whole, location.href);
  if (!/^https?:$/.test(url.protocol)) throw new Refused(`${text} begins with ${url.protocol}, not with https:`);
  if (url.hostname === HUB) url.pathname = filesOf(url.pathname);
  if (!isWeights(url.pathname) && !url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** Where the hub has the files of the page that people copy the address of. */
function filesOf(page: string): string {
  const [owner, name, kind = "tree", revision = "main", ...rest] = page.split("/").filter((part) => part !== "");
  if (owner === undefined || name === undefined || !["tree", "blob", "resolve"].includes(kind)) return page;
  return `/${[owner, name, "resolve", revision, ...rest].join("/")}`;
}

async function lookAtFile(url: URL, signal: AbortSignal): Promise<OfferedFile> {
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase() ?? "";
  if (url.hash !== "" && sha256 === "") throw new Refused(`${url.hash} is not #sha256= and 64 hexadecimal digits`);
  const told = sha256 === "" ? (await hubSums(url, signal)).get(nameIn(url)) : undefined;
  return needed(url, told ?? sha256, signal);
}

async function lookAtFolder(folder: URL, signal: AbortSignal): Promise<OfferedFile[]> {
  const [sums, shards] = await Promise.all([checksums(folder, signal), shardNames(folder, signal)]);
  const wanted = [...COMPANIONS, ...shards.map((name) => [name, true] as const)];
  const files = wanted.map(([name, isNeeded]) =>
    (isNeeded ? needed : find)(new URL(name, folder), sums.get(name) ?? "", signal),
  );
  return (await Promise.all(files)).filter((file) => file !== null);
}

async function needed(url: URL, sha256: string, signal: AbortSignal): Promise<OfferedFile> {
  const file = await find(url, sha256, signal);
  if (file === null) throw new Refused(`there is no ${url.href}`);
  return file;
}

/** A file with its size, if it is there. */
async function find(url: URL, sha256: string, signal: AbortSignal): Promise<OfferedFile | null> {
  const address = bare(url);
  const response = await request(address, { method: "HEAD", signal });
  if (response.status === 404 || isPage(response)) return null;
  if (!response.ok) throw new Refused(`${address} answers with status ${response.status}`);
  const [name, bytes] = [nameIn(url), Number(response.headers.get("content-length") ?? 0)];
  const stamp = ["last-modified", "etag"].map((header) => response.headers.get(header)).join(" ");
  return {
    ...{ name, bytes, sha256, address },
    read: (heard, stop) => Download.run({ name, bytes, sha256, address, stamp }, heard, stop),
  };
}

/** Some servers answer any address with a page of theirs. */
function isPage(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("text/html") ?? false;
}

/** The weight files of a folder: one, or those that its index names. */
async function shardNames(folder: URL, signal: AbortSignal): Promise<string[]> {
  const text = await small(new URL(INDEX, folder), signal);
  if (text === null) return ["model.safetensors"];
  const names = [...new Set(Object.values(field(text, "weight_map") ?? {}))];
  const plain = names.filter((name): name is string => typeof name === "string" && /^[\w.-]+\.safetensors$/.test(name));
  if (plain.length === 0 || plain.length < names.length) throw new Refused(`${INDEX} names files that are no weights`);
  return plain;
}

/** What must arrive, by the name of the file. */
async function checksums(folder: URL, signal: AbortSignal): Promise<Map<string, string>> {
  if (folder.hostname === HUB) return hubSums(folder, signal);
  const text = (await small(new URL(SUMS, folder), signal)) ?? "";
  const lines = text.matchAll(/^([0-9a-f]{64}) [ *](.+)$/gim);
  return new Map([...lines].map(([, sum = "", name = ""]) => [name.trim(), sum.toLowerCase()]));
}

/** The checksums that the hub itself tells of its large files. */
async function hubSums(url: URL, signal: AbortSignal): Promise<Map<string, string>> {
  if (url.hostname !== HUB) return new Map();
  const [owner, name, , revision] = url.pathname.split("/").filter((part) => part !== "");
  const text = await small(new URL(`https://${HUB}/api/models/${owner}/${name}/revision/${revision}?blobs=true`), signal);
  const files = (text === null ? [] : (field(text, "siblings") ?? [])) as { rfilename?: string; lfs?: { sha256?: string } }[];
  return new Map(files.map(({ rfilename = "", lfs }) => [rfilename, lfs?.sha256 ?? ""]));
}

function field(text: string, name: string): object | undefined {
  try {
    const value = (JSON.parse(text) as Record<string, unknown>)[name];
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A short text that may be missing. */
async function small(url: URL, signal: AbortSignal): Promise<string | null> {
  const response = await request(bare(url), { signal });
  return response.ok && !isPage(response) ? response.text() : null;
}

/** What is kept of a file or a folder, for use without a network. */
async function keptAt(url: URL): Promise<OfferedFile[]> {
  const address = bare(url);
  const files = (await keptFiles()).filter((file) => (isWeights(address) ? file.address === address : inFolder(file, address)));
  return files.some(({ name }) => isWeights(name)) ? files.map((file) => ({ ...file, read: () => readKept(file) })) : [];
}

function inFolder({ address, name }: KeptFile, folder: string): boolean {
  return address === folder + name;
}

function nameIn(url: URL): string {
  return decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
}

function bare(url: URL): string {
  return url.href.replace(/#.*$/, "");
}
