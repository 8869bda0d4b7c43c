import { memo, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

interface VirtualRowsProps<Item> {
  label: string;
  count: number;
  rowHeight: number;
  /** Widths of the columns as a CSS grid template. */
  template: string;
  head: readonly ReactNode[];
  /** What a row shows, or undefined while it is not there yet. */
  item(index: number): Item | undefined;
  /** The cells of a row. Rows are drawn again when this function is another one. */
  cells: (item: Item) => readonly ReactNode[];
  /** Told which rows are in view, the last one exclusive. */
  onRange(first: number, last: number): void;
  /** The least width of a row, beyond which the list scrolls sideways. */
  minWidth?: number;
}

const spare = 8;
/** So long a scroll must rest before the rows in view are asked for. */
const restMs = 80;

/** A list of any length that draws only the rows in view. All rows have one height, so that any place can be scrolled to at once. */
export function VirtualRows<Item>({ label, count, rowHeight, template, head, item, cells, onRange, minWidth = 760 }: VirtualRowsProps<Item>) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ first: 0, last: 30 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    let frame = 0;
    // Asked for when it changes only: asking in each frame would make the browser lay the rows out at that moment.
    let height = element.clientHeight;
    const measure = () => {
      frame = 0;
      const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - spare);
      // As many rows wherever the list stands, so that each element keeps its place among them.
      const last = first + Math.ceil(height / rowHeight) + 1 + 2 * spare;
      setView((old) => (old.first === first && old.last === last ? old : { first, last }));
    };
    const onScroll = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    element.addEventListener('scroll', onScroll, { passive: true });
    const observer = new ResizeObserver(() => {
      height = element.clientHeight;
      onScroll();
    });
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [count, rowHeight]);
  // While somebody scrolls on, nothing is asked for: rows passed by in a moment are nobody's business.
  const told = useRef(false);
  useEffect(() => {
    const timer = window.setTimeout(() => onRange(view.first, Math.min(view.last, count)), told.current ? restMs : 0);
    told.current = true;
    return () => window.clearTimeout(timer);
  }, [view, count, onRange]);

  const indices = Array.from({ length: Math.max(0, Math.min(view.last, count) - view.first) }, (_, offset) => view.first + offset);
  // Elements are used again for the rows that come into view, which is cheaper than making new ones.
  const slots = Math.max(1, view.last - view.first);
  const blank = useMemo(() => Array.from({ length: head.length }, (_, column) => <span role="cell" key={column}>…</span>), [head.length]);
  return (
    <div className="virtual" ref={box} role="table" aria-label={label} aria-rowcount={count + 1} tabIndex={0} style={{ height: Math.min(620, (count + 1) * rowHeight + 2) }}>
      <div role="rowgroup" style={{ minWidth }} className="virtual-head-group">
        <div className="virtual-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template, height: rowHeight }}>
          {head.map((cell, index) => (
            <span role="columnheader" key={index}>
              {cell}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" style={{ position: 'relative', height: count * rowHeight, minWidth }}>
        {indices.map((index) => (
          <Row key={index % slots} index={index} item={item(index)} cells={cells as (item: unknown) => readonly ReactNode[]} blank={blank} template={template} height={rowHeight} />
        ))}
      </div>
    </div>
  );
}

interface RowProps {
  index: number;
  item: unknown;
  cells: (item: unknown) => readonly ReactNode[];
  /** Shown while there is no item; always the same elements, so that a row that moves without one costs nothing but the move. */
  blank: readonly ReactNode[];
  template: string;
  height: number;
}

/** One row. It is moved by a transform, for which nothing has to be laid out anew. */
const Row = memo(function Row({ index, item, cells, blank, template, height }: RowProps) {
  return (
    <div className="virtual-row" role="row" aria-rowindex={index + 2} style={{ gridTemplateColumns: template, height, transform: `translateY(${index * height}px)` }}>
      {item === undefined
        ? blank
        : cells(item).map((cell, column) => (
            <span role="cell" key={column}>
              {cell}
            </span>
          ))}
    </div>
  );
});
