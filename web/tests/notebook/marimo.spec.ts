import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PYTHON, answers, expect, freePort, has, test } from "./lab";

test.skip(!has("minform", "marimo"), "MINFORM_PYTHON names no Python with the wheel and marimo");

const APP = `
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from minform import Playground

    p = mo.ui.anywidget(Playground(steps=["a", "b"], rewards=[0.9, -0.2]))
    p
    return mo, p


@app.cell
def _(mo, p):
    mo.md(f"Python has T = {p.value['state']['temperature']:.3f}")
    return
`;

test("in marimo, the page computes and Python follows", async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), "minform-marimo-"));
  writeFileSync(join(folder, "app.py"), APP);
  const port = await freePort();
  const options = ["--headless", "--host", "127.0.0.1", "--port", String(port), "--no-token"];
  const server = spawn(PYTHON, ["-m", "marimo", "run", "app.py", ...options], { cwd: folder, stdio: "ignore" });
  try {
    await answers(`http://127.0.0.1:${port}/`, server);
    await page.goto(`http://127.0.0.1:${port}/`);
    const min = page.getByRole("region", { name: "Soft minimum of the step rewards" });
    await expect(min.locator(".outcome")).toHaveText("−0.20", { timeout: 60_000 });
    await expect(page.getByText("Python has T = 0.100")).toBeVisible();
    await page.getByRole("slider", { name: "Temperature T" }).press("End");
    await expect(page.getByText("Python has T = 10.000")).toBeVisible();
  } finally {
    server.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
});
