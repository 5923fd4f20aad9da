import { existsSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

import type { Playground, TrainingDetail } from "../../app/playground";
import type { State } from "../../app/state";

import { expect, steps, test } from "./page";

const PACKAGE = fileURLToPath(new URL("../../package/dist/", import.meta.url));

const TYPES: Record<string, string> = {
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** A page of somebody else that uses the package. */
async function host(page: Page, body: string): Promise<void> {
  await page.route("**/host/**", (route) => {
    const path = new URL(route.request().url()).pathname.replace("/host/", "");
    if (path === "") {
      const script = '<script type="module" src="./minform-playground.js"></script>';
      const html = `<!doctype html><html lang="en"><title>host</title><h1>A lesson</h1>${script}${body}</html>`;
      return route.fulfill({ contentType: "text/html", body: html });
    }
    return route.fulfill({ contentType: TYPES[extname(path)] ?? "application/octet-stream", body: readFileSync(PACKAGE + path) });
  });
  await page.goto("./host/");
}

test.describe("the package", () => {
  test.skip(!existsSync(PACKAGE), "npm run build:package has not been run");

  test("shows a view in a page of somebody else, and leaves its address alone", async ({ page }) => {
    await host(page, '<minform-playground embedded view="group"></minform-playground>');
    await expect(page.getByRole("main", { name: "Group" })).toBeVisible();
    await page.getByRole("button", { name: "The step-count puzzle" }).click();
    await page.waitForTimeout(600);
    expect(new URL(page.url()).hash).toBe("");
    await page.locator("minform-playground").evaluate((element) => element.setAttribute("view", "device"));
    await expect(page.getByRole("main", { name: "Device" })).toBeVisible();
    // Keys of the page around it are not for us.
    await page.locator("body").click({ position: { x: 2, y: 2 } });
    await page.keyboard.press("?");
    await expect(page.getByRole("button", { name: "Keys and help" })).toHaveAttribute("aria-expanded", "false");
  });

  test("attributes that mean nothing are told", async ({ page }) => {
    await host(page, '<minform-playground embedded state="v2=zzz"></minform-playground>');
    await expect(page.getByRole("alert")).toContainText("does not begin with #v1=");
    await page.locator("minform-playground").evaluate((element) => element.setAttribute("view", "hacks"));
    await expect(page.getByRole("alert")).toContainText('no view "hacks"; there are solution,');
  });

  test("opens a state that was given as an attribute, and has models", async ({ page }) => {
    const fragment = "#v1=q1YqSc0tSC1KLCktSlWyMtAzMKoFAA";
    await host(page, `<minform-playground embedded state="${fragment}"></minform-playground>`);
    await expect(page.getByRole("slider", { name: "Temperature T" })).toHaveAttribute("aria-valuetext", "0.02");
    await expect(page.locator(".badge")).toHaveText("nano, live", { timeout: 30_000 });
  });

  test("the page around it reads and sets what is on screen, and drives the live run", async ({ page }) => {
    await host(page, "<minform-playground embedded></minform-playground>");
    const element = page.locator("minform-playground");
    await expect(element.getByRole("main", { name: "Solution" })).toBeVisible();
    await element.evaluate((found: Playground) => {
      const heard: string[] = [];
      Object.assign(window, { heard });
      const told = <T>(event: Event): T => (event as CustomEvent<T>).detail;
      found.addEventListener("minform-state", (event) => heard.push(String(told<State>(event).temperature)));
      found.addEventListener("minform-training", (event) => {
        const { phase, events } = told<TrainingDetail>(event);
        heard.push(`${phase} ${events.length > 0}`);
      });
      const { training } = found.value ?? {};
      if (training !== undefined) found.value = { temperature: 0.5, training: { ...training, prompts: 2, samples: 2 } };
      found.step(2);
    });
    await expect(element.getByRole("slider", { name: "Temperature T" })).toHaveAttribute("aria-valuetext", "0.5");
    await element.evaluate((found: Playground) => void (found.value = { view: "train" }));
    await expect(element.getByText("2 of 40")).toBeVisible({ timeout: 60_000 });
    await expect
      .poll(() => page.evaluate(() => (window as unknown as { heard: string[] }).heard))
      .toEqual(expect.arrayContaining(["0.5", "playing true", "paused true"]));
    await element.evaluate((found: Playground) => void (found.value = { temperature: 99 }));
    await expect(page.getByRole("alert")).toContainText("temperature must be a number from 0 to 10");
  });

  test("what is set before it is open holds once", async ({ page }) => {
    await host(page, "");
    await page.evaluate(async () => {
      await customElements.whenDefined("minform-playground");
      const made = document.createElement("minform-playground") as Playground;
      made.embedded = true;
      made.value = { temperature: 0.5 };
      document.body.append(made);
    });
    const temperature = page.getByRole("slider", { name: "Temperature T" });
    await expect(temperature).toHaveAttribute("aria-valuetext", "0.5");
    await page.locator("minform-playground").evaluate((element) => document.body.append(element));
    await expect(temperature).toHaveAttribute("aria-valuetext", "0.1");
  });

  test("two of them on one page do not disturb each other", async ({ page }) => {
    await host(page, "<minform-playground embedded></minform-playground>".repeat(2));
    const [one, other] = [page.locator("minform-playground").first(), page.locator("minform-playground").last()];
    await one.getByRole("button", { name: "exact", exact: true }).click();
    await expect(one.getByRole("slider", { name: "Temperature T" })).toHaveAttribute("aria-valuetext", "exact");
    await expect(other.getByRole("slider", { name: "Temperature T" })).toHaveAttribute("aria-valuetext", "0.1");
  });
});

test("a frame shows the state of its address", async ({ page }) => {
  await page.goto("./?embed#v1=q1YqSc0tSC1KLCktSlWyMtAzMKoFAA");
  await expect(steps(page)).toHaveCount(6);
  await expect(page.getByRole("slider", { name: "Temperature T" })).toHaveAttribute("aria-valuetext", "0.02");
});
