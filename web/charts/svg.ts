/** Charts as files: SVG with its colours written out, PNG drawn from it, CSV of its numbers. */

/** Properties that a style sheet sets and a file has to carry itself. */
const CARRIED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-opacity",
  "stroke-width",
  "stroke-dasharray",
  "font-size",
  "font-weight",
  "font-family",
] as const;

/** The chart as a document of its own. */
export function svgDocument(chart: SVGSVGElement): string {
  const copy = chart.cloneNode(true) as SVGSVGElement;
  const originals = [chart, ...chart.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  copies.forEach((element, at) => {
    const style = getComputedStyle(originals[at] ?? chart);
    for (const property of CARRIED) element.style.setProperty(property, style.getPropertyValue(property));
  });
  for (const area of copy.querySelectorAll(".hit")) area.remove();
  const { width, height } = chart.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.style.background = pageColour(chart);
  return new XMLSerializer().serializeToString(copy);
}

function pageColour(element: Element): string {
  const probe = document.createElement("span");
  probe.style.color = "var(--surface)";
  element.parentElement?.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The chart as a picture of `scale` pixels per unit. */
export async function png(chart: SVGSVGElement, scale = 2): Promise<Blob> {
  const image = new Image();
  const address = URL.createObjectURL(new Blob([svgDocument(chart)], { type: "image/svg+xml" }));
  try {
    image.src = address;
    await image.decode();
    const { width, height } = chart.viewBox.baseVal;
    const canvas = new OffscreenCanvas(width * scale, height * scale);
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("this browser cannot draw pictures");
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/png" });
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Numbers behind a chart: the same ones that its table shows. */
export interface Table {
  columns: string[];
  rows: (string | number | null)[][];
}

export function csv({ columns, rows }: Table): string {
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Quoted where it must be; a leading sign of a formula is defused for spreadsheets. */
function cell(value: string | number | null): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hands the user a file. */
export function save(name: string, content: string | Blob, type = "text/plain"): void {
  const address = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type }) : content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
