/** Keys that work on every page, and the list of them. */
import { useEffect } from "preact/hooks";
import { navigate, path } from "../router";
import { pages } from "../pages";
import { helpOpen } from "../state/help";
import { Dialog } from "./dialog";

/** After g, this long is left for the second key. */
const chord = 1200;

export function Keys() {
  useEffect(() => {
    let went = 0;
    const pressed = (e: KeyboardEvent): void => {
      if (e.metaKey || e.ctrlKey || e.altKey || isTyping(e.target) || document.querySelector("dialog[open]")) return;
      if (Date.now() - went < chord) {
        went = 0;
        const page = pages.find((p) => p.key === e.key);
        if (page) return act(e, () => navigate(page.path));
      }
      if (e.key === "g") went = Date.now();
      else if (e.key === "/") act(e, search);
      else if (e.key === "?") act(e, () => (helpOpen.value = true));
      else if (e.key === "r") document.querySelector<HTMLButtonElement>('[data-key="r"]')?.click();
      else if (e.key === " " && e.target === document.body) {
        const pause = document.querySelector<HTMLButtonElement>('[data-key="space"]');
        if (pause) act(e, () => pause.click());
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  return helpOpen.value ? <Help /> : null;
}

function act(e: Event, what: () => void): void {
  e.preventDefault();
  what();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** Focuses the page's search field, or goes to where one is. */
function search(): void {
  const field = (): HTMLInputElement | null => document.querySelector<HTMLInputElement>("[data-search]");
  if (!field() && path.value !== "/runs") navigate("/runs");
  requestAnimationFrame(() => {
    field()?.focus();
    field()?.select();
  });
}

function Help() {
  const keys: [string[], string][] = [
    [["/"], "Search"],
    [["?"], "This list"],
    [["r"], "Refresh the page's data"],
    [["space"], "Pause or resume, on Live"],
    [["esc"], "Close"],
    ...pages.map((p): [string[], string] => [["g", p.key], p.title]),
  ];
  return (
    <Dialog title="Keyboard" onClose={() => (helpOpen.value = false)}>
      <dl class="keys">
        {keys.map(([presses, does]) => [
          <dt key={does}>
            {presses.map((k, i) => (
              <span key={k}>
                {i > 0 && " "}
                <kbd>{k}</kbd>
              </span>
            ))}
          </dt>,
          <dd>{does}</dd>,
        ])}
      </dl>
    </Dialog>
  );
}
