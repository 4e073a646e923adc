import { expect, it } from "vitest";
import { heldInstead } from "./held";

it("a change says how many deliveries it has held instead", () => {
  expect(heldInstead({ dry_run: false, deliveries: 3 })).toBe("");
  expect(heldInstead({ dry_run: false, deliveries: 3, held: 2 })).toContain("Held of these: 2.");
});
