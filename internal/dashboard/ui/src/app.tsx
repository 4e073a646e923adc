import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren, FunctionComponent } from "preact";
import { caller, restore, signOut } from "./session";
import { path } from "./router";
import { pages } from "./pages";
import type { PageEntry } from "./pages";
import { short, plural } from "./lib/format";
import { useDeadLetters } from "./state/destinations";
import { status } from "./state/status";
import { nextTheme, theme } from "./state/theme";
import { Icon, Mark } from "./components/icon";
import { Toasts } from "./components/toasts";
import { Keys } from "./components/keys";
import { helpOpen } from "./state/help";
import { Login } from "./pages/login";
import { OverviewPage } from "./pages/overview";
import { LivePage } from "./pages/live";
import { RunsPage } from "./pages/runs";
import { RunPage } from "./pages/run";
import { TTLPage } from "./pages/ttl";
import { DeliveriesPage } from "./pages/deliveries";
import { DeliveryPage } from "./pages/delivery";
import { QuarantinePage } from "./pages/quarantine";
import { StuckPage } from "./pages/stuck";
import { SourcesPage } from "./pages/sources";
import { AuditPage } from "./pages/audit";
import { Lost } from "./pages/lost";

const roots: Record<string, FunctionComponent> = {
  "/": OverviewPage,
  "/live": LivePage,
  "/runs": RunsPage,
  "/ttl": TTLPage,
  "/deliveries": DeliveriesPage,
  "/quarantine": QuarantinePage,
  "/stuck": StuckPage,
  "/sources": SourcesPage,
  "/audit": AuditPage,
};

/** Pages about one thing: the last part of their path is its id. */
const details: Record<string, FunctionComponent<{ id: string }>> = {
  "/runs": RunPage,
  "/deliveries": DeliveryPage,
};

function Routed() {
  const here = path.value;
  const Root = roots[here];
  if (Root) return <Root />;
  const cut = here.lastIndexOf("/");
  const Detail = details[here.slice(0, cut)];
  const id = decoded(here.slice(cut + 1));
  return Detail && id !== "" ? <Detail id={id} key={here} /> : <Lost />;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

export function App() {
  switch (caller.value) {
    case "asking":
      return <div class="gate" aria-busy="true" />;
    case "away":
      return <Away />;
    case "out":
      return <Login />;
  }
  return (
    <Shell>
      <Routed />
    </Shell>
  );
}

/** The gateway does not answer: tried again by hand or every few seconds. */
function Away() {
  useEffect(() => {
    const timer = setInterval(() => void restore(), 5000);
    return () => clearInterval(timer);
  }, []);
  return (
    <main class="gate">
      <div class="panel empty">
        <h1 class="brand">
          <Mark size={24} />
          dedupgate
        </h1>
        <p>The gateway does not answer. It may be restarting; this page tries again by itself.</p>
        <button type="button" class="button" onClick={() => void restore()}>
          Try again
        </button>
      </div>
    </main>
  );
}

function Shell({ children }: { children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const here = path.value;
  const dead = useDeadLetters();
  useEffect(() => setOpen(false), [here]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the page
      </a>
      <header class="topbar">
        <a class="brand" href="/">
          <Mark />
          dedupgate
        </a>
        <button type="button" class="button bare icon" aria-label="Menu" aria-expanded={open} aria-controls="nav" onClick={() => setOpen(!open)}>
          <Icon name={open ? "close" : "menu"} />
        </button>
      </header>
      <nav class={`nav${open ? " open" : ""}`} id="nav" aria-label="Pages of the dashboard">
        <a class="brand" href="/">
          <Mark />
          dedupgate
        </a>
        {(["", "Act", "Set up"] as const).map((group) => (
          <Group key={group} name={group} entries={pages.filter((p) => p.group === group)} here={here} dead={dead} />
        ))}
        <Foot />
      </nav>
      {children}
      <Keys />
      <Toasts />
    </div>
  );
}

function Group({ name, entries, here, dead }: { name: string; entries: PageEntry[]; here: string; dead: number }) {
  if (entries.length === 0) return null;
  return (
    <div class={name === "" ? "" : "group"}>
      {name !== "" && <h2>{name}</h2>}
      <ul>
        {entries.map((p) => (
          <li key={p.path}>
            <a class="item" href={p.path} aria-current={here === p.path || (p.path !== "/" && here.startsWith(`${p.path}/`)) ? "page" : undefined}>
              <Icon name={p.icon} />
              {p.title}
              {p.path === "/deliveries" && dead > 0 && (
                <span class="badge plain red count" title={plural(dead, "dead letter")}>
                  {short(dead)}
                  <span class="unseen"> dead</span>
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

const themeNames = { system: "as the system", light: "light", dark: "dark" };
const themeIcons = { system: "half", light: "sun", dark: "moon" } as const;

function Foot() {
  const version = status.value?.version ?? "";
  const name = typeof caller.value === "object" ? `${caller.value.name}, ${caller.value.role}` : "";
  const themed = `Theme: ${themeNames[theme.value]}`;
  return (
    <div class="foot">
      <button type="button" class="button bare icon" title={themed} aria-label={themed} onClick={nextTheme}>
        <Icon name={themeIcons[theme.value]} />
      </button>
      <button type="button" class="button bare icon" title="Keyboard (?)" aria-label="Keyboard shortcuts" onClick={() => (helpOpen.value = true)}>
        <Icon name="help" />
      </button>
      <button type="button" class="button bare icon" title={`Sign out ${name}`} aria-label="Sign out" onClick={() => void signOut()}>
        <Icon name="leave" />
      </button>
      <span class="version" title={version}>
        {version}
      </span>
    </div>
  );
}
