/** Bodies that can be shown and compared: an event's own, and those in which its repeats differed. */
import { address } from "../api/http";
import type { EventRow, OtherBody } from "../api/types";
import { eventType, shortID } from "./format";
import { local } from "./time";

export interface Told {
  url: string;
  /** Name of the download. */
  file: string;
  /** What it is called in a list. */
  title: string;
}

const fileOf = (id: string, contentType: string): string => `${id}.${contentType.includes("json") ? "json" : "bin"}`;
const at = (time: string): string => local(new Date(time));

export const ownURL = (event: EventRow): string => address(`/events/${event.id}/body`);

/** An event's own body, among those of its repeats. */
export function own(event: EventRow): Told {
  return { url: ownURL(event), file: fileOf(event.id, event.content_type), title: `The event's own, ${at(event.received_at)}` };
}

/** The body of an event among others of its run. */
export function ofEvent(event: EventRow): Told {
  return { ...own(event), title: `${eventType(event.type)}, ${at(event.received_at)}` };
}

/** What a repeat of an event told. */
export function ofRepeat(event: EventRow, other: OtherBody): Told {
  return {
    url: address(`/events/${event.id}/other-bodies/${other.receipt_id}`),
    file: fileOf(other.receipt_id, other.content_type),
    title: `${other.dispatch_id ? `Dispatch ${shortID(other.dispatch_id)}` : "A repeat"}, ${at(other.received_at)}`,
  };
}
