/**
 * A real JupyterLab on this machine, with a folder of its own.
 *
 * `MINFORM_PYTHON` names a Python that has the wheel, JupyterLab, ipykernel and pandas.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { type Locator, type Page, expect, test as base } from "@playwright/test";

export const PYTHON = process.env["MINFORM_PYTHON"] ?? "python3";

/** That of this process, but without the program minform, with which notebooks train and measure where they find it. */
export const ENVIRONMENT = withoutProgram(process.env);

function withoutProgram({ MINFORM_BINARY: _, PATH = "", ...rest }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const folders = PATH.split(delimiter).filter((folder) => !existsSync(join(folder, "minform")));
  return { ...rest, PATH: folders.join(delimiter) };
}

/** Whether that Python has these modules. */
export function has(...modules: string[]): boolean {
  return spawnSync(PYTHON, ["-c", `import ${modules.join(", ")}`]).status === 0;
}

/** A port that nobody listens at. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Waits until something answers at an address; fails if the program behind it ends before. */
export async function answers(url: string, behind: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (behind.exitCode !== null) throw new Error(`the server ended with status ${behind.exitCode}`);
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`nothing answers at ${url}`);
}

export interface Lab {
  url: string;
  folder: string;
}

/** Options of a server that nobody else can reach. */
const OPTIONS = ["--no-browser", "--ip=127.0.0.1", "--allow-root", "--IdentityProvider.token=", "--ServerApp.password="];

async function startLab(): Promise<[Lab, () => void]> {
  const folder = mkdtempSync(join(tmpdir(), "minform-lab-"));
  const port = await freePort();
  const places = { JUPYTER_CONFIG_DIR: ".config", JUPYTER_DATA_DIR: ".data", JUPYTERLAB_SETTINGS_DIR: ".settings" };
  const own = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, join(folder, place)]));
  keepWidgets(own["JUPYTERLAB_SETTINGS_DIR"] ?? folder);
  const settings = [`--ServerApp.root_dir=${folder}`, `--port=${port}`, "--ServerApp.port_retries=0"];
  const server = spawn(PYTHON, ["-m", "jupyterlab", ...OPTIONS, ...settings], { env: { ...ENVIRONMENT, ...own }, stdio: "ignore" });
  await answers(`http://127.0.0.1:${port}/lab`, server);
  const end = (): void => {
    server.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  return [{ url: `http://127.0.0.1:${port}/`, folder }, end];
}

/** Has Lab save the state of widgets with a notebook, which it leaves out unless told. */
function keepWidgets(settings: string): void {
  const plugin = join(settings, "@jupyter-widgets/jupyterlab-manager");
  mkdirSync(plugin, { recursive: true });
  writeFileSync(join(plugin, "plugin.jupyterlab-settings"), JSON.stringify({ saveState: true }));
}

export const test = base.extend<object, { lab: Lab }>({
  lab: [
    async ({}, use) => {
      const [lab, end] = await startLab();
      await use(lab);
      end();
    },
    { scope: "worker", timeout: 120_000 },
  ],
});

export { expect };

/** Where a server shows notebooks: in Lab, or in Notebook 7 if it is there. */
export type View = "lab/tree" | "notebooks";

/** A notebook of cells, opened in Lab or in Notebook 7 and ready to run. */
export class Notebook {
  readonly page: Page;

  static async open(page: Page, lab: Lab, name: string, cells: string[], view: View = "lab/tree"): Promise<Notebook> {
    const cell = (source: string, at: number): object => ({
      ...{ cell_type: "code", id: `cell-${at}`, execution_count: null, metadata: {}, outputs: [], source },
    });
    const kernel = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } };
    const notebook = { nbformat: 4, nbformat_minor: 5, metadata: kernel, cells: cells.map(cell) };
    writeFileSync(join(lab.folder, `${name}.ipynb`), JSON.stringify(notebook));
    const opened = await Notebook.openFile(page, lab, `${name}.ipynb`, view);
    await expect(page.locator(".jp-Notebook .jp-CodeCell")).toHaveCount(cells.length, { timeout: 60_000 });
    return opened;
  }

  /** A notebook in the folder of Lab, opened and ready to run. */
  static async openFile(page: Page, lab: Lab, path: string, view: View = "lab/tree"): Promise<Notebook> {
    await page.goto(`${lab.url}${view}/${path}?reset`);
    // Asked to run before that, both ask which kernel; the indicator in the toolbar is idle even before there is one.
    const idle = page.locator("#jp-main-statusbar").getByText(/ \| Idle$/);
    await expect(idle.or(page.locator(".jp-NotebookKernelStatus-fade"))).toBeAttached({ timeout: 60_000 });
    return new Notebook(page);
  }

  constructor(page: Page) {
    this.page = page;
  }

  cell(at: number): Locator {
    return this.page.locator(".jp-Notebook .jp-CodeCell").nth(at);
  }

  /** Runs a cell and waits until it has been carried out. */
  async run(at: number): Promise<void> {
    const cell = this.cell(at);
    const prompt = cell.locator(".jp-InputPrompt");
    const before = await prompt.innerText();
    // Lab that has just been opened may not hear the first keys.
    await expect(async () => {
      await prompt.click();
      await expect(cell).toHaveClass(/jp-mod-active/);
      await this.page.keyboard.press("Control+Enter");
      await expect(prompt).not.toHaveText(before);
    }).toPass({ timeout: 90_000 });
    await expect(prompt).toHaveText(/^\[\d+\]:$/, { timeout: 60_000 });
  }

  /** Runs a cell and gives what it printed. */
  async print(at: number): Promise<string> {
    await this.run(at);
    const output = this.cell(at).locator(".jp-OutputArea-output").last();
    await expect(output).toBeVisible();
    return (await output.innerText()).trim();
  }
}
