import type { Page } from "@playwright/test";

import { expect, openWithModels, test as base } from "./page";
import { Shelf } from "./shelf";

const test = base.extend<{ shelf: Shelf }>({
  shelf: async ({ console }, use) => {
    const shelf = await Shelf.open();
    await use(shelf);
    await shelf.close();
    // The browser itself tells of files that a folder need not have, and of a server that is gone.
    const other = console.filter((line) => !line.startsWith("Failed to load resource"));
    console.splice(0, console.length, ...other);
  },
});

async function look(page: Page, address: string): Promise<void> {
  await page.getByRole("button", { name: "Files" }).click();
  await page.getByLabel("Addresses of a model").fill(address);
  await page.getByRole("button", { name: "Look, without fetching" }).click();
}

async function load(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Load as reward model" }).click();
}

test("a model at an address is seen with its size before it is fetched, then loaded and kept", async ({ page, shelf }) => {
  await openWithModels(page);
  await look(page, shelf.address);
  await expect(page.getByRole("row", { name: /model\.safetensors 32\d kB [0-9a-f]{12}…/ })).toBeVisible();
  await expect(page.getByText(/^3\d\d kB to fetch; about 1\.\d MB of memory\.$/)).toBeVisible();
  expect(shelf.fetched).toEqual([]);
  await load(page);
  await expect(page.locator(".badge")).toHaveText("your model, live");
  expect(shelf.fetched).toHaveLength(1);
  await expect(page.getByText(/^Kept in this browser: 3\d\d kB$/)).toBeVisible();

  // From what was kept, with the server gone.
  await shelf.close();
  await page.reload();
  await openWithModels(page);
  await look(page, shelf.address);
  await load(page);
  await expect(page.locator(".badge")).toHaveText("your model, live");
  await page.getByText("Kept in this browser").click();
  for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
    await page.getByRole("button", { name: `Remove ${shelf.address}/${name}` }).click();
  }
  await expect(page.getByText("Kept in this browser")).toBeHidden();
});

test("a download that breaks off goes on where it was", async ({ page, shelf }) => {
  await openWithModels(page);
  await look(page, shelf.address);
  shelf.breaksAt = 0.5;
  await load(page);
  await expect.poll(() => shelf.fetched.length, { timeout: 15_000 }).toBeGreaterThan(1);
  shelf.breaksAt = 1;
  await expect(page.locator(".badge")).toHaveText("your model, live", { timeout: 30_000 });
  const [first, ...later] = shelf.fetched.map(({ range }) => range);
  expect(first).toBe("");
  for (const range of later) expect(range).toMatch(/^bytes=[1-9]\d*-$/);
});

test("a download that is stopped goes on in another visit", async ({ page, shelf }) => {
  await openWithModels(page);
  await look(page, shelf.address);
  shelf.breaksAt = 0.5;
  await load(page);
  await expect.poll(() => shelf.fetched.length).toBe(1);
  await expect(page.getByText(/ of 3\d\d kB, /)).toBeVisible();
  await page.waitForTimeout(500);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(page.getByRole("button", { name: "Look, without fetching" })).toBeEnabled();
  shelf.breaksAt = 1;
  const before = shelf.fetched.length;
  await page.reload();
  await openWithModels(page);
  await look(page, shelf.address);
  await load(page);
  await expect(page.locator(".badge")).toHaveText("your model, live", { timeout: 30_000 });
  expect(shelf.fetched.slice(before).map(({ range }) => range)).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
});

test("what is damaged is thrown away", async ({ page, shelf }) => {
  await openWithModels(page);
  await look(page, shelf.address);
  shelf.isDamaged = true;
  await load(page);
  await expect(page.getByText(/^Not opened: model\.safetensors arrived damaged, with the checksum /)).toBeVisible();
  shelf.isDamaged = false;
  await load(page);
  await expect(page.locator(".badge")).toHaveText("your model, live");
  expect(shelf.fetched.map(({ range }) => range)).toEqual(["", ""]);
});

test("addresses that hold no model are refused with a reason", async ({ page, shelf }) => {
  await openWithModels(page);
  await page.getByRole("button", { name: "Files" }).click();
  for (const [address, reason] of [
    [`${shelf.address}/absent.gguf`, /there is no http.*absent\.gguf/],
    ["file:///etc/passwd", /begins with file:, not with https:/],
    [`${shelf.address}/model.safetensors#sha256=12`, /is not #sha256= and 64 hexadecimal digits/],
    ["http://127.0.0.1:9/prm", /cannot be reached/],
  ] as const) {
    await page.getByLabel("Addresses of a model").fill(address);
    await page.getByRole("button", { name: "Look, without fetching" }).click();
    await expect(page.getByText(/^Not opened: /)).toHaveText(reason);
  }
});
