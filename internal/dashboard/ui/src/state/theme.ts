/** Light or dark: as the system says, until somebody chooses. */
import { computed, effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const kept = "dedupgate.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (e) => (systemDark.value = e.matches));

export const theme = signal<Theme>(read());
export const dark = computed(() => (theme.value === "system" ? systemDark.value : theme.value === "dark"));

function read(): Theme {
  try {
    const said = localStorage.getItem(kept);
    return said === "light" || said === "dark" ? said : "system";
  } catch {
    return "system";
  }
}

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  try {
    if (theme.value === "system") localStorage.removeItem(kept);
    else localStorage.setItem(kept, theme.value);
  } catch {
    // Storage is switched off: the choice lasts until the page is left.
  }
});

export function nextTheme(): void {
  const order: Theme[] = ["system", "light", "dark"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length] ?? "system";
}
