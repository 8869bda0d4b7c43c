import { useEffect, useRef, useState, type ReactNode } from 'react';

interface VirtualRowsProps {
  label: string;
  count: number;
  rowHeight: number;
  /** Widths of the columns as a CSS grid template. */
  template: string;
  head: readonly ReactNode[];
  /** The cells of a row, or undefined while it is not there yet. */
  row(index: number): readonly ReactNode[] | undefined;
  /** Told which rows are in view, the last one exclusive. */
  onRange(first: number, last: number): void;
  /** The least width of a row, beyond which the list scrolls sideways. */
  minWidth?: number;
}

const spare = 8;
/** So long a scroll must rest before the rows in view are asked for. */
const restMs = 80;

/** A list of any length that draws only the rows in view. All rows have one height, so that any place can be scrolled to at once. */
export function VirtualRows({ label, count, rowHeight, template, head, row, onRange, minWidth = 760 }: VirtualRowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ first: 0, last: 30 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    let frame = 0;
    const measure = () => {
      frame = 0;
      const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - spare);
      const last = Math.min(count, Math.ceil((element.scrollTop + element.clientHeight) / rowHeight) + spare);
      setView((old) => (old.first === first && old.last === last ? old : { first, last }));
    };
    const onScroll = () => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    element.addEventListener('scroll', onScroll, { passive: true });
    const observer = new ResizeObserver(onScroll);
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
    const timer = window.setTimeout(() => onRange(view.first, view.last), told.current ? restMs : 0);
    told.current = true;
    return () => window.clearTimeout(timer);
  }, [view, onRange]);

  const indices = Array.from({ length: Math.max(0, Math.min(view.last, count) - view.first) }, (_, offset) => view.first + offset);
  // Elements are used again for the rows that come into view, which is cheaper than making new ones.
  const slots = Math.max(1, view.last - view.first);
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
        {indices.map((index) => {
          const cells = row(index);
          return (
            <div key={index % slots} className="virtual-row" role="row" aria-rowindex={index + 2} style={{ gridTemplateColumns: template, height: rowHeight, top: index * rowHeight }}>
              {(cells ?? head.map(() => '…')).map((cell, column) => (
                <span role="cell" key={column}>
                  {cell}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
