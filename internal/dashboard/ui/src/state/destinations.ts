/** Names of the destinations, for filters and dialogs. */
import { useQuery } from "./query";
import { address } from "../api/http";
import type { Destination } from "../api/types";

export function useDestinationNames(): string[] {
  const list = useQuery<{ items: Destination[] }>(address("/destinations"));
  return (list.data?.items ?? []).map((d) => d.destination);
}
