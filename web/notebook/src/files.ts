/** The files of a wheel as they come into the page: by name, those that end in `.gz` packed. */

export type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** A file, unpacked where it is packed. */
export async function read(files: Files, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const plain = files[name];
  if (plain !== undefined) return plain;
  const packed = files[`${name}.gz`];
  if (packed === undefined) throw new Error(`the package minform lacks its file ${name}; install it again`);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
