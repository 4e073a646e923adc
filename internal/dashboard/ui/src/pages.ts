/** The pages and their addresses. internal/dashboard serves index.html for each of them; a test compares the two lists. */
import type { IconName } from "./components/icon";

export interface PageEntry {
  path: string;
  title: string;
  icon: IconName;
  /** Pressed after g. */
  key: string;
  group: "" | "Act" | "Set up";
}

export const pages: PageEntry[] = [
  { path: "/", title: "Overview", icon: "overview", key: "o", group: "" },
  { path: "/live", title: "Live", icon: "live", key: "l", group: "" },
  { path: "/runs", title: "Runs", icon: "runs", key: "r", group: "" },
  { path: "/ttl", title: "TTL", icon: "ttl", key: "t", group: "" },
  { path: "/deliveries", title: "Deliveries", icon: "deliveries", key: "d", group: "Act" },
  { path: "/stuck", title: "Stuck", icon: "stuck", key: "k", group: "Act" },
  { path: "/quarantine", title: "Quarantine", icon: "quarantine", key: "q", group: "Act" },
  { path: "/sources", title: "Sources", icon: "sources", key: "s", group: "Set up" },
  { path: "/audit", title: "Audit", icon: "audit", key: "a", group: "Set up" },
];
