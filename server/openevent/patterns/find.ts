/** Up to this many single comparisons the built-in search is taken, which is quick but can be led to compare everything with everything. */
const PLAIN_WORK = 65_536;

/** The first place of `part` in `text` from `from` on, or -1. Takes time in proportion to the text, whatever the two look like. */
export function findFrom(text: string, part: string, from: number): number {
  if ((text.length - from) * part.length <= PLAIN_WORK || part.length < 2) return text.indexOf(part, from);
  const borders = bordersOf(part);
  let matched = 0;
  for (let index = from; index < text.length; index += 1) {
    while (matched > 0 && text.charCodeAt(index) !== part.charCodeAt(matched)) matched = borders[matched - 1] ?? 0;
    if (text.charCodeAt(index) === part.charCodeAt(matched)) matched += 1;
    if (matched === part.length) return index - part.length + 1;
  }
  return -1;
}

/** Of each beginning of `part`, how long its longest proper beginning is that is also its end (Knuth, Morris, Pratt). */
function bordersOf(part: string): Uint16Array {
  const borders = new Uint16Array(part.length);
  let length = 0;
  for (let index = 1; index < part.length; index += 1) {
    while (length > 0 && part.charCodeAt(index) !== part.charCodeAt(length)) length = borders[length - 1] ?? 0;
    if (part.charCodeAt(index) === part.charCodeAt(length)) length += 1;
    borders[index] = length;
  }
  return borders;
}
