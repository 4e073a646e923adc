import { defineConfig } from "vite";

// Browsers of 2024 and later: light-dark() and <dialog> without help.
const browsers = ["chrome123", "firefox121", "safari17.5"];

export default defineConfig({
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: browsers,
    cssTarget: browsers,
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or styles
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: { "/api": process.env["DEDUPGATE_ADMIN"] ?? "http://127.0.0.1:8081" },
  },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
} as Parameters<typeof defineConfig>[0]);
