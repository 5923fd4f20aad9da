/**
 * The state of the page as the fragment of its address: `#v1=` and base64url(deflate(JSON)).
 *
 * Only what differs from a fresh page is written. A link is data from a stranger: its size is bounded before and
 * while it is unpacked, and every field is checked. A later version adds a reader; old readers stay.
 */

import { Inflate, deflateSync, strFromU8, strToU8 } from "fflate";

import { joined } from "./bytes";
import { Refused, partial } from "./schema";
import { FIELDS, type State, consistent, initialState } from "./state";

/** Longest fragment that is read, and most bytes that it may unpack to. */
const LONGEST = 96_000;
const UNPACKED = 1_000_000;
/** Links longer than this are cut by mail and chat programs: better a file. */
export const COMFORTABLE = 8_000;

const VERSION = "v1";

const SOLUTION: (keyof State)[] = ["problem", "answer", "steps", "scores", "tokens", "label", "source", "rescore"];

/** How links of each version become the fields of today's state. */
const READERS: Record<string, (fields: unknown) => Partial<State>> = {
  v1: (fields) => partial(FIELDS)(fields, ""),
};

/** The fragment, with its `#`. */
export function encode(state: State): string {
  const fresh = initialState();
  const keys = Object.keys(FIELDS) as (keyof State)[];
  const changed = keys.filter((key) => JSON.stringify(state[key]) !== JSON.stringify(fresh[key]));
  // The solution always goes with it: what a fresh page begins with may change, and a link must not.
  const written = changed.length > 0 ? [...new Set([...changed, ...SOLUTION])] : [];
  if (written.length === 0) return "";
  const fields = Object.fromEntries(written.map((key) => [key, state[key]]));
  return `#${VERSION}=${toBase64Url(deflateSync(strToU8(JSON.stringify(fields, rounded)), { level: 9 }))}`;
}

/** Scores come in f32; six digits are all they have. Whole numbers, such as seeds, stay as they are. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

/**
 * The state a fragment holds; null if it holds none.
 *
 * Throws `Refused` with a message for the user if it is damaged or not one of ours.
 */
export function decode(fragment: string): State | null {
  const match = /^#(v\d+)=(.*)$/s.exec(fragment);
  if (match === null) return null;
  const [, version = "", packed = ""] = match;
  const reader = READERS[version];
  if (reader === undefined) throw new Refused(`this link has version ${version}, which this page does not know`);
  if (packed.length > LONGEST) throw new Refused(`this link is longer than ${LONGEST} characters`);
  return consistent({ ...initialState(), ...reader(parse(unpack(fromBase64Url(packed)))) });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Refused("this link does not hold a state: it may have been cut");
  }
}

function unpack(packed: Uint8Array): string {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const inflate = new Inflate((chunk) => {
    size += chunk.length;
    chunks.push(chunk);
  });
  try {
    // In small pieces, so that a bomb is noticed before it has grown.
    for (let at = 0; at < packed.length; at += 512) {
      inflate.push(packed.subarray(at, at + 512), at + 512 >= packed.length);
      if (size > UNPACKED) break;
    }
  } catch {
    throw new Refused("this link cannot be unpacked: it may have been cut");
  }
  if (size > UNPACKED) throw new Refused("this link unpacks to more than a state can hold");
  return strFromU8(joined(chunks));
}

function toBase64Url(data: Uint8Array): string {
  const binary = Array.from(data, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array {
  if (!/^[\w-]*$/.test(text)) throw new Refused("this link has characters that do not belong into it");
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    throw new Refused("this link has been cut");
  }
}
