/**
 * What mdBook does not do by itself, to every page of the book: formulas become MathML, ```live blocks become the
 * playground with the state that they hold, checked as the page checks it, and links into the source tree become the
 * path that they name.
 *
 * mdBook calls it with `supports RENDERER`, or with [context, book] on standard input.
 */

import { posix } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { deflateSync, strToU8 } from "fflate";
import katex from "katex";
import { runnerImport } from "vite";

/** Code is left alone; of what remains, formulas of a line or of a paragraph are found. */
const CODE_OR_FORMULA = /(^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\2[^\n]*$|`+[^`\n]+`+)|\$\$([\s\S]+?)\$\$|\$(?=\S)([^$\n]+?)(?<=\S)\$/gm;
const LIVE = /^```live\n([\s\S]*?)^```$/gm;
const LINK = /\[([^\]\n]*)\]\(((?:\.\.\/)+[^)\s]*)\)/g;

/** Without the notes for other programs, and with nothing in it that Markdown would take for its own. */
function mathml(formula, displayMode) {
  const html = katex.renderToString(formula.trim(), { output: "mathml", displayMode, throwOnError: true, strict: "error" });
  const math = html.replace(/^<span[^>]*>|<\/span>$/g, "").replace(/<annotation[\s\S]*?<\/annotation>/g, "");
  return math.replace(/>([^<]*)</g, (_, text) => `>${text.replace(/[*_[\]`\\~|]/g, (mark) => `&#${mark.charCodeAt(0)};`)}<`);
}

function formulas(text) {
  return text.replace(CODE_OR_FORMULA, (whole, code, _fence, block, inline) => {
    if (code !== undefined) return whole;
    return block === undefined ? mathml(inline, false) : `<div class="formula">${mathml(block, true)}</div>`;
  });
}

/** The state as the fragment of a link, as web/app/permalink.ts reads it. */
function fragment(state) {
  return `#v1=${Buffer.from(deflateSync(strToU8(JSON.stringify(state)), { level: 9 })).toString("base64url")}`;
}

/** Refuses what the page would refuse. */
async function checker() {
  const load = async (name) => (await runnerImport(fileURLToPath(new URL(`../app/${name}.ts`, import.meta.url)))).module;
  const [{ FIELDS }, { partial }] = await Promise.all([load("state"), load("schema")]);
  return (state) => partial(FIELDS)(state, "");
}

function live(text, checked) {
  return text.replace(LIVE, (_, json) => {
    const state = fragment(checked(JSON.parse(json)));
    const without = "Here is a part that computes in your browser. It needs JavaScript. From a file it cannot start; cargo xtask book --open serves the book.";
    return `<div class="live"><minform-playground embedded state="${state}"><p>${without}</p></minform-playground></div>`;
  });
}

/** `path` is that of the page below docs. */
function sources(text, path) {
  return text.replace(LINK, (whole, words, target) => {
    const from = posix.join("docs", posix.dirname(path), target.split("#")[0]);
    if (from.startsWith("docs/")) return whole;
    const named = words.replaceAll("`", "");
    return from.endsWith(named) ? `\`${from}\`` : `${words} (\`${from}\`)`;
  });
}

function visit(items, checked) {
  for (const { Chapter: chapter } of items) {
    if (chapter === undefined) continue;
    const path = chapter.path ?? "";
    try {
      chapter.content = formulas(live(sources(chapter.content, path), checked));
    } catch (error) {
      throw new Error(`${path}: ${error.message}`);
    }
    visit(chapter.sub_items, checked);
  }
}

if (process.argv[2] !== "supports") {
  const [, book] = JSON.parse(await text(process.stdin));
  visit(book.items ?? book.sections, await checker());
  process.stdout.write(JSON.stringify(book));
}
