import { defineConfig } from "@playwright/test";

const PORT = 4173;

/** The built page, in the Chromium of the system. */
export default defineConfig({
  projects: [
    { name: "tests", testDir: "tests/browser" },
    // Not a test: stores scores and samples of the nano models for the page to begin with.
    { name: "record", testDir: "tests/record" },
  ],
  timeout: 120_000,
  // Workers of the page compute on all cores; tests beside each other would measure each other.
  workers: 1,
  reporter: [["list"]],
  use: {
    baseURL: `http://localhost:${PORT}/`,
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  webServer: { command: `npx vite preview --port ${PORT} --strictPort`, port: PORT, reuseExistingServer: true },
});
