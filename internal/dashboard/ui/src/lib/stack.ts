/** Each layer with all those before it added. */
export function stacked(layers: number[][]): number[][] {
  const sums: number[][] = [];
  let below: number[] = [];
  for (const layer of layers) {
    below = layer.map((v, i) => v + (below[i] ?? 0));
    sums.push(below);
  }
  return sums;
}
