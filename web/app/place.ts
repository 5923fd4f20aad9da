/** Where the files that the page brings along lie: a folder at an address, or a function that gives a file of it. */

export type Place = string | URL | ((name: string) => Uint8Array<ArrayBuffer>);

/** Opens a file of the folder. */
export async function open(place: Place, name: string): Promise<Response> {
  return typeof place === "function" ? new Response(place(name)) : fetch(new URL(name, place));
}
