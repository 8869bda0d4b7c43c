/** A panel of the graph: lines over the same time, with their own scale from 0. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const WIDTH = 860;
const LEFT = 70;
const RIGHT = 150;
const PANEL = 130;
const GAP = 46;
/** Told apart without colour too: by their dashes. */
const STYLES = [
  { colour: '#1f5fa8', dash: '' },
  { colour: '#b4540a', dash: '6 3' },
  { colour: '#4b7a1c', dash: '2 3' },
] as const;

const text = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A step of 1, 2 or 5 times a power of ten, so that about four of them make up `highest`. */
function niceStep(highest: number): number {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
}

/** A mark on the horizontal axis. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** The panels below each other as SVG. `minutes` is where each value stands, from 0; with `ticks` it may be any other measure than time. */
export function drawPanels(title: string, minutes: readonly number[], panels: readonly Panel[], ticks?: readonly Tick[]): string {
  const height = 60 + panels.length * (PANEL + GAP);
  const end = Math.max(minutes.at(-1) ?? 1, 1e-9);
  const x = (minute: number) => LEFT + (minute / end) * (WIDTH - LEFT - RIGHT);
  const parts = panels.map(({ title: name, unit, lines }, index) => {
    const top = 56 + index * (PANEL + GAP);
    const highest = Math.max(1e-9, ...lines.flatMap((line) => line.values.filter(Number.isFinite)));
    const step = niceStep(highest);
    const limit = Math.ceil(highest / step) * step;
    const y = (value: number) => top + PANEL - (value / limit) * PANEL;
    const grid = Array.from({ length: Math.round(limit / step) + 1 }, (_, at) => at * step).map(
      (value) => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${Number(value.toPrecision(3))}</text>`,
    );
    const drawn = lines.map((line, at) => {
      const { colour, dash } = STYLES[at % STYLES.length] ?? STYLES[0];
      const points = line.values.flatMap((value, place) => (Number.isFinite(value) ? [`${x(minutes[place] ?? 0).toFixed(1)},${y(value).toFixed(1)}`] : []));
      const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
      const legend = top + 14 + at * 18;
      return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"${dashes}/><line x1="${WIDTH - RIGHT + 10}" x2="${WIDTH - RIGHT + 34}" y1="${legend - 4}" y2="${legend - 4}" stroke="${colour}" stroke-width="2"${dashes}/><text x="${WIDTH - RIGHT + 40}" y="${legend}">${text(line.name)}</text>`;
    });
    return `<text x="${LEFT}" y="${top - 10}" font-weight="bold">${text(name)} (${text(unit)})</text>${grid.join('')}${drawn.join('')}`;
  });
  const marks = ticks ?? [0, 0.25, 0.5, 0.75, 1].map((share) => ({ at: share * end, label: `${Number((share * end).toPrecision(3))} min` }));
  const axis = marks.map(({ at, label }) => `<text x="${x(at).toFixed(1)}" y="${height - 12}" text-anchor="middle">${text(label)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="${text(title)}">\n<rect width="100%" height="100%" fill="#fff"/>\n<text x="${LEFT}" y="22" font-size="15" font-weight="bold">${text(title)}</text>\n${parts.join('\n')}\n${axis.join('')}\n</svg>\n`;
}

/** The slope of the values over the minutes, by least squares, for the part from `from` (a share of the time) on. */
export function slope(minutes: readonly number[], values: readonly number[], from: number): number {
  const end = minutes.at(-1) ?? 0;
  const points = minutes.flatMap((minute, at): [number, number][] => {
    const value = values[at];
    return minute >= end * from && value !== undefined && Number.isFinite(value) ? [[minute, value]] : [];
  });
  const meanX = points.reduce((sum, [one]) => sum + one, 0) / points.length;
  const meanY = points.reduce((sum, [, one]) => sum + one, 0) / points.length;
  const below = points.reduce((sum, [one]) => sum + (one - meanX) ** 2, 0);
  return below === 0 ? 0 : points.reduce((sum, [one, other]) => sum + (one - meanX) * (other - meanY), 0) / below;
}
