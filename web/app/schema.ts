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

/** What a check wants, in the words of JSON Schema, for those who check elsewhere. */
export type About = Readonly<Record<string, unknown>>;

export interface Check<T> {
  (value: unknown, where: string): T;
  about: About;
}
export type Checked<C> = C extends Check<infer T> ? T : never;

function refuse(where: string, want: string): never {
  throw new Refused(`${where || "the value"} must be ${want}`);
}

function check<T>(about: About, of: (value: unknown, where: string) => T): Check<T> {
  return Object.assign(of, { about });
}

export function text(longest: number): Check<string> {
  return check({ type: "string", maxLength: longest }, (value, where) => {
    if (typeof value !== "string") return refuse(where, "text");
    return value.length <= longest ? value : refuse(where, `at most ${longest} characters long`);
  });
}

export function number(least: number, most: number): Check<number> {
  return check({ type: "number", minimum: least, maximum: most }, (value, where) =>
    typeof value === "number" && value >= least && value <= most
      ? value
      : refuse(where, `a number from ${least} to ${most}`),
  );
}

export function integer(least: number, most: number): Check<number> {
  return check({ type: "integer", minimum: least, maximum: most }, (value, where) =>
    Number.isInteger(value) ? number(least, most)(value, where) : refuse(where, "a whole number"),
  );
}

export const truth: Check<boolean> = check({ type: "boolean" }, (value, where) =>
  typeof value === "boolean" ? value : refuse(where, "true or false"),
);

export function oneOf<const T extends readonly string[]>(choices: T): Check<T[number]> {
  return check({ enum: choices }, (value, where) =>
    typeof value === "string" && choices.includes(value) ? value : refuse(where, `one of ${choices.join(", ")}`),
  );
}

export function list<T>(item: Check<T>, most: number): Check<T[]> {
  return check({ type: "array", items: item.about, maxItems: most }, (value, where) => {
    if (!Array.isArray(value)) return refuse(where, "a list");
    if (value.length > most) return refuse(where, `a list of at most ${most} items`);
    return value.map((entry: unknown, at) => item(entry, `${where}[${at}]`));
  });
}

export function nullable<T>(of: Check<T>): Check<T | null> {
  const about = { anyOf: [of.about, { type: "null" }] };
  return check(about, (value, where) => (value === null ? null : of(value, where)));
}

type Fields = Record<string, Check<unknown>>;
type Of<F extends Fields> = { [K in keyof F]: Checked<F[K]> };

/** An object with exactly these fields. */
export function record<F extends Fields>(fields: F): Check<Of<F>> {
  return check(aboutRecord(fields), (value, where) => ({ ...partial(fields)(value, where, true) }) as Of<F>);
}

export function aboutRecord(fields: Fields): About {
  const properties = Object.fromEntries(Object.entries(fields).map(([key, { about }]) => [key, about]));
  return { type: "object", properties, required: Object.keys(fields), additionalProperties: false };
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
