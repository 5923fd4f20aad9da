/**
 * Checks of values that come from outside: a link, a file, a page that embeds this one.
 *
 * A check returns the value with its type, or refuses it and says where and why. Everything is bounded, and a field
 * that nobody asked for is refused too.
 */

/** A value from outside that is not what it should be. The message is meant for the user. */
export class Refused extends Error {
  override name = "Refused";
}

export type Check<T> = (value: unknown, where: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

function refuse(where: string, want: string): never {
  throw new Refused(`${where || "the value"} must be ${want}`);
}

export function text(longest: number): Check<string> {
  return (value, where) => {
    if (typeof value !== "string") return refuse(where, "text");
    return value.length <= longest ? value : refuse(where, `at most ${longest} characters long`);
  };
}

export function number(least: number, most: number): Check<number> {
  return (value, where) =>
    typeof value === "number" && value >= least && value <= most
      ? value
      : refuse(where, `a number from ${least} to ${most}`);
}

export function integer(least: number, most: number): Check<number> {
  return (value, where) =>
    Number.isInteger(value) ? number(least, most)(value, where) : refuse(where, "a whole number");
}

export const truth: Check<boolean> = (value, where) =>
  typeof value === "boolean" ? value : refuse(where, "true or false");

export function oneOf<const T extends readonly string[]>(choices: T): Check<T[number]> {
  return (value, where) =>
    typeof value === "string" && choices.includes(value) ? value : refuse(where, `one of ${choices.join(", ")}`);
}

export function list<T>(item: Check<T>, most: number): Check<T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) return refuse(where, "a list");
    if (value.length > most) return refuse(where, `a list of at most ${most} items`);
    return value.map((entry: unknown, at) => item(entry, `${where}[${at}]`));
  };
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, where) => (value === null ? null : check(value, where));
}

type Fields = Record<string, Check<unknown>>;
type Of<F extends Fields> = { [K in keyof F]: Checked<F[K]> };

/** An object with exactly these fields. */
export function record<F extends Fields>(fields: F): Check<Of<F>> {
  return (value, where) => ({ ...partial(fields)(value, where, true) }) as Of<F>;
}

/** Some of the fields, checked; `whole` asks for all of them. */
export function partial<F extends Fields>(fields: F): (value: unknown, where: string, whole?: boolean) => Partial<Of<F>> {
  return (value, where, whole = false) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(where, "an object");
    const within = (key: string): string => (where ? `${where}.${key}` : key);
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(fields, key)) throw new Refused(`${within(key)} is not a field this page knows`);
    }
    const given = new Map<string, unknown>(Object.entries(value));
    const wanted = Object.entries(fields).filter(([key]) => whole || given.has(key));
    return Object.fromEntries(
      wanted.map(([key, check]) => [key, check(given.get(key), within(key))]),
    ) as Partial<Of<F>>;
  };
}
