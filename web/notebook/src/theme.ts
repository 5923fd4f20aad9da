/** Light or dark as the notebook is. */

import type { Playground } from "../../app/playground";
import type { Model } from "./model";

/** Sets the theme of an element and keeps it; returns the function that ends it. */
export function followTheme(element: Playground, model: Model): () => void {
  const set = (): void => {
    const theme = model.get("theme") ?? themeAround();
    if (theme === null) element.removeAttribute("theme");
    else element.setAttribute("theme", theme);
  };
  set();
  const observer = new MutationObserver(set);
  for (const target of [document.documentElement, document.body]) observer.observe(target, { attributes: true });
  model.on("change:theme", set);
  return () => {
    observer.disconnect();
    model.off("change:theme", set);
  };
}

/** What JupyterLab, Notebook, VS Code and marimo say of themselves; null where the system decides. */
function themeAround(): "light" | "dark" | null {
  const { jpThemeLight, theme } = document.body.dataset;
  if (jpThemeLight !== undefined) return jpThemeLight === "true" ? "light" : "dark";
  const classes = [...document.documentElement.classList, ...document.body.classList, theme ?? ""];
  if (classes.some((name) => ["dark", "dark-theme", "vscode-dark", "vscode-high-contrast"].includes(name))) return "dark";
  return classes.some((name) => ["light", "light-theme", "vscode-light"].includes(name)) ? "light" : null;
}
