import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { defineConfig } from "@playwright/test";

/** Another one lets two checkouts be tested at once; the book is at the one after it. */
const PORT = Number(process.env["PORT"] ?? 4173);
const BOOK = fileURLToPath(new URL("../target/book", import.meta.url));

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** A software adapter in place of a GPU. */
const WEBGPU = [...ARGUMENTS.filter((one) => one !== "--disable-gpu"), "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** The built page, in the Chromium of the system. */
export default defineConfig({
  projects: [
    { name: "tests", testDir: "tests/browser" },
    { name: "webgpu", testDir: "tests/webgpu", use: { launchOptions: { executablePath, args: WEBGPU } } },
    { name: "book", testDir: "tests/book", use: { baseURL: `http://localhost:${PORT + 1}/` } },
    { name: "pretrained", testDir: "tests/pretrained", use: { launchOptions: { executablePath, args: WEBGPU } } },
    // The widget of web/notebook in a real JupyterLab, which the tests start themselves.
    { name: "notebook", testDir: "tests/notebook", use: { screenshot: "only-on-failure" } },
    // Not a test: stores scores and samples of the nano models for the page to begin with.
    { name: "record", testDir: "tests/record" },
  ],
  timeout: 120_000,
  // Two cores compute what is waited for.
  expect: { timeout: 20_000 },
  // Workers of the page compute on all cores; tests beside each other would measure each other.
  workers: 1,
  reporter: [["list"]],
  use: {
    baseURL: `http://localhost:${PORT}/`,
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath, args: ARGUMENTS },
  },
  // Notebooks come with servers of their own.
  webServer: process.argv.includes("--project=notebook") ? [] : [server(PORT), ...(existsSync(BOOK) ? [server(PORT + 1, BOOK)] : [])],
});

/** A server of built files. One that is there already may show another build, or end in the middle. */
function server(port: number, folder?: string) {
  const place = folder === undefined ? "" : ` --outDir ${folder}`;
  return {
    command: `npx vite preview --port ${port} --strictPort${place}`,
    port,
    reuseExistingServer: process.env["CI"] === undefined,
  };
}
