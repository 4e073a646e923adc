/** What can be done with all deliveries that the filters select, by the state they are filtered by. */
export interface BulkAction {
  verb: string;
  path: string;
  done: string;
  danger: boolean;
}

const retry: BulkAction = { verb: "Retry", path: "/deliveries/retry", done: "retried", danger: false };
const cancel: BulkAction = { verb: "Cancel", path: "/deliveries/cancel", done: "cancelled", danger: true };
const release: BulkAction = { verb: "Release", path: "/deliveries/release", done: "released", danger: false };

export function bulkActions(state: string): BulkAction[] {
  switch (state) {
    case "dead":
    case "cancelled":
      return [retry];
    case "held":
      return [release, cancel];
    case "pending":
    case "delivering":
    case "retrying":
      return [cancel];
    default:
      return [];
  }
}

/** What can be done with one delivery. */
export function actions(state: string): ("retry" | "cancel" | "release")[] {
  if (state === "dead" || state === "cancelled") return ["retry"];
  if (state === "held") return ["release", "cancel"];
  return state === "delivered" ? [] : ["cancel"];
}
