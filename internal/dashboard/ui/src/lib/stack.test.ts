import { expect, it } from "vitest";
import { stacked } from "./stack";

it("adds each layer to those below", () => {
  expect(stacked([[1, 2], [3, 0], [0, 5]])).toEqual([[1, 2], [4, 2], [4, 7]]);
  expect(stacked([])).toEqual([]);
});
