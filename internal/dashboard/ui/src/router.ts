/** Pages by path, filters by query: the URL is the only home of what a page shows, so reload and back work by themselves. */
import { computed, signal } from "@preact/signals";

const here = signal(new URL(location.href));

export const path = computed(() => here.value.pathname.replace(/\/+$/, "") || "/");
export const params = computed(() => here.value.searchParams);

addEventListener("popstate", () => (here.value = new URL(location.href)));

export function navigate(to: string, replace = false): void {
  const next = new URL(to, location.href);
  if (next.href === here.value.href) return;
  const moved = next.pathname !== here.value.pathname;
  if (replace) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  here.value = next;
  if (moved) scrollTo(0, 0);
}

/** Changes parameters of the page's URL; null or "" takes one out. A filter that is typed replaces, a click adds history. */
export function setParams(changes: Record<string, string | null>, replace = false): void {
  navigate(withParams(changes), replace);
}

export function withParams(changes: Record<string, string | null>): string {
  const next = new URL(here.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  return next.pathname + next.search;
}

/** Lets plain clicks on the page's own links change the page without loading it. */
export function interceptLinks(root: HTMLElement): void {
  root.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const link = (e.target as Element).closest("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (isServerPath(link.pathname)) return;
    e.preventDefault();
    navigate(link.href);
  });
}

/** Paths that the gateway answers itself. */
function isServerPath(p: string): boolean {
  return p === "/api" || p.startsWith("/api/") || p === "/metrics" || p === "/river" || p.startsWith("/river/");
}
