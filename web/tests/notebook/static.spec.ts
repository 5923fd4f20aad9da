import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { FrameLocator, Page } from "@playwright/test";

import { PYTHON, expect, has, test } from "./lab";

test.skip(!has("minform"), "MINFORM_PYTHON names no Python with the wheel");

let folder = "";

test.beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "minform-static-"))));
test.afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The page and the frame that Python makes, as files. */
function rendered(): { page: string; frame: string } {
  const program = `
import sys
from minform import Playground
page = Playground(steps=["a", "</script><b>b"], rewards=[0.9, -0.2]).render_static()
page.save(sys.argv[1] + "/page.html")
open(sys.argv[1] + "/frame.html", "w").write("<!doctype html><h1>Exported</h1>" + page._repr_html_())`;
  const done = spawnSync(PYTHON, ["-c", program, folder], { encoding: "utf8" });
  expect(done.stderr + String(done.error ?? "")).toBe("");
  return { page: join(folder, "page.html"), frame: join(folder, "frame.html") };
}

/** What is asked of the network; a page that holds everything asks for nothing. */
function asked(page: Page): string[] {
  const addresses: string[] = [];
  page.on("request", (request) => addresses.push(request.url().slice(0, 80)));
  return addresses;
}

async function computes(page: Page | FrameLocator): Promise<void> {
  const min = page.getByRole("region", { name: "Soft minimum of the step rewards" });
  await expect(min.locator(".outcome")).toHaveText("−0.20", { timeout: 60_000 });
  await page.getByRole("button", { name: "exact", exact: true }).click();
  await expect(page.getByRole("region", { name: "Minimum of the step rewards" }).locator(".outcome")).toHaveText("−0.20");
  await page.getByRole("slider", { name: "Discount γ" }).press("Home");
  await expect(page.getByRole("region", { name: "Sum of the step rewards" }).locator(".outcome")).toHaveText("0.90");
}

test("a page from a file computes and asks for nothing", async ({ page }) => {
  const files = rendered();
  const addresses = asked(page);
  await page.goto(`file://${files.page}`);
  await computes(page);
  await expect(page.getByRole("button", { name: "</script><b>b" })).toBeVisible();
  await expect(page.locator(".badge")).toHaveText("typed by hand", { timeout: 60_000 });
  expect(addresses.filter((address) => !/^(file|blob|data):/.test(address))).toEqual([]);
});

test("a frame in an exported notebook is as high as what it shows", async ({ page }) => {
  const files = rendered();
  const body = readFileSync(files.frame, "utf8");
  await page.route("http://localhost/exported.html", (route) => route.fulfill({ contentType: "text/html", body }));
  await page.goto("http://localhost/exported.html");
  await computes(page.frameLocator("iframe"));
  await expect.poll(async () => (await page.locator("iframe").boundingBox())?.height ?? 0).toBeGreaterThan(800);
});

test("a notebook that nbconvert has run and exported still computes", async ({ page }) => {
  test.skip(!has("nbconvert", "ipykernel"), "MINFORM_PYTHON has no nbconvert");
  const source = "from minform import Playground\nPlayground(steps=['a', 'b'], rewards=[0.9, -0.2]).render_static()";
  const cell = { cell_type: "code", id: "one", execution_count: null, metadata: {}, outputs: [], source };
  const notebook = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] };
  writeFileSync(join(folder, "lesson.ipynb"), JSON.stringify(notebook));
  const done = spawnSync(PYTHON, ["-m", "nbconvert", "--to", "html", "--execute", "lesson.ipynb"], { cwd: folder, encoding: "utf8", timeout: 240_000 });
  expect(done.status, done.stderr).toBe(0);
  const body = readFileSync(join(folder, "lesson.html"), "utf8");
  // The page around the frame asks for scripts of its own, which are not there.
  await page.route("**/*", (route) => route.abort());
  await page.route("http://localhost/lesson.html", (route) => route.fulfill({ contentType: "text/html", body }));
  await page.goto("http://localhost/lesson.html");
  await computes(page.frameLocator('iframe[title="minform playground"]'));
});

test("where a page allows no workers, it computes itself", async ({ page }) => {
  const files = rendered();
  const policy = `<meta http-equiv="Content-Security-Policy" content="script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src 'none'">`;
  const path = join(folder, "strict.html");
  writeFileSync(path, readFileSync(files.page, "utf8").replace('<meta charset="utf-8">', `<meta charset="utf-8">${policy}`));
  await page.goto(`file://${path}`);
  await computes(page);
  await expect(page.locator(".badge")).toHaveText("typed by hand", { timeout: 60_000 });
  expect(page.workers()).toHaveLength(0);
  await page.getByRole("navigation", { name: "Views" }).getByRole("button", { name: "Train" }).click();
  await page.getByRole("button", { name: "One update" }).click();
  await expect(page.getByText("1 of 40")).toBeVisible({ timeout: 110_000 });
});
