/** The destinations, for filters and dialogs, and their dead letters for every page. */
import { useQuery } from "./query";
import { address } from "../api/http";
import type { Destination } from "../api/types";

export function useDestinationNames(): string[] {
  const list = useQuery<{ items: Destination[] }>(address("/destinations"));
  return (list.data?.items ?? []).map((d) => d.destination);
}

export function useDeadLetters(): number {
  const list = useQuery<{ items: Destination[] }>(address("/destinations"), { every: 30_000 });
  return (list.data?.items ?? []).reduce((sum, d) => sum + d.dead, 0);
}
