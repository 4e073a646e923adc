/** A request as a line for a POSIX shell. */

/** Single quotes keep everything as it is; a single quote itself ends, escapes and begins again. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export interface CurlRequest {
  url: string;
  headers: [string, string][];
  body: string;
}

export function curl(request: CurlRequest): string {
  const words = ["curl", "-sS", "-X", "POST"];
  for (const [name, value] of request.headers) words.push("-H", quoted(`${name}: ${value}`));
  words.push("--data-raw", quoted(request.body), quoted(request.url));
  return words.join(" ");
}
