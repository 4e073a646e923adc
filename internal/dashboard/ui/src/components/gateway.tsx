/** How the gateway's stores are: a banner when one of them is away, and a line each otherwise. */
import type { StoreState } from "../api/types";
import { Banner } from "./states";
import { Moment } from "./moment";

export function StoreBanners({ redis, database }: { redis: StoreState; database: StoreState }) {
  return (
    <>
      {!database.up && (
        <Banner tone="red" icon="alert">
          <p>
            <strong>The database is away</strong> since <Moment at={database.since} as="ago" />. Repeats that Redis knows are answered; everything else gets
            503 and comes again by itself. {database.detail}
          </p>
        </Banner>
      )}
      {!redis.up && (
        <Banner tone="amber" icon="alert">
          <p>
            <strong>Degraded: Redis is left out</strong> since <Moment at={redis.since} as="ago" />. Every answer is still right, the database gives all of
            them; expect slower answers. {redis.detail}
          </p>
        </Banner>
      )}
    </>
  );
}

const names: Record<string, string> = { redis: "Redis", embedded: "Redis, inside this process", postgres: "PostgreSQL", sqlite: "SQLite" };

export function StoreLine({ store }: { store: StoreState }) {
  return (
    <tr>
      <th scope="row">{names[store.kind] ?? store.kind}</th>
      <td>
        <span class={`badge ${store.up ? "green" : "red"}`}>{store.up ? "up" : "down"}</span> <Moment at={store.since} as="for" />
      </td>
    </tr>
  );
}
