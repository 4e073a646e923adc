import { address } from "../../api/http";
import type { Top } from "../../api/types";
import { count, percent } from "../../lib/format";
import { apiRange } from "../../lib/range";
import type { Range } from "../../lib/range";
import { useQuery } from "../../state/query";
import { Panel } from "../../components/panel";
import { Loaded } from "../../components/states";
import { Table } from "../../components/table";

type Item = Top["items"][number];

const titles = { actor: "Actors with most duplicates", run: "Runs with most duplicates" };

export function TopPanel({ by, range, source }: { by: "actor" | "run"; range: Range; source: string }) {
  const top = useQuery<Top>(address("/top", { by, ...apiRange(range), source, limit: 8 }), {
    every: range.kind === "last" ? 10_000 : undefined,
    keep: `top ${by}`,
  });
  const columns = [
    { head: by === "actor" ? "Actor" : "Run", class: "fill-s", cell: (item: Item) => <Name by={by} item={item} /> },
    { head: "Source", rank: 2 as const, cell: (item: Item) => <span class="muted">{item.source}</span> },
    { head: "Duplicates", num: true, cell: (item: Item) => count(item.count) },
    { head: "Share", num: true, cell: (item: Item) => <span class="muted">{percent(item.count, item.count / item.share)}</span> },
  ];
  const table = (rows: Item[] | undefined) => <Table label={titles[by]} columns={columns} rows={rows} id={(i) => `${i.source}/${i.kind}/${i.name}`} bones={4} />;
  return (
    <Panel title={titles[by]} note={top.data?.at_least ? "at least" : undefined} flush>
      <Loaded query={top} bones={table(undefined)}>
        {(data) =>
          data.items.length === 0 ? (
            <p class="nothing muted">{behind(data) ? "Still counting: that takes a few seconds." : "No duplicates in this time range."}</p>
          ) : (
            table(data.items)
          )
        }
      </Loaded>
    </Panel>
  );
}

/** behind says that the newest duplicates are not counted yet: it is done every ten seconds or so. */
function behind(top: Top): boolean {
  return top.counted_until !== undefined && Date.parse(top.counted_until) < Math.min(Date.parse(top.until), Date.now()) - 1000;
}

function Name({ by, item }: { by: string; item: Item }) {
  const href =
    by === "actor"
      ? `/runs?actor_id=${encodeURIComponent(item.name)}`
      : `/runs/${encodeURIComponent(item.name)}?source=${encodeURIComponent(item.source)}${item.kind ? `&kind=${item.kind}` : ""}`;
  return (
    <a class="mono ellipsis" href={href} title={item.name}>
      {item.name}
    </a>
  );
}
