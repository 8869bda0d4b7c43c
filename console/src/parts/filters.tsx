import { useEffect, useState } from 'react';
import { setQuery, usePlace } from '../app/router.tsx';

/** Waits until typing pauses before the list is read again. */
const pauseMs = 350;

/** A text of the address's query. */
export function TextFilter({ name, label }: { name: string; label: string }) {
  const { query } = usePlace();
  const given = query.get(name) ?? '';
  const [value, setValue] = useState(given);
  useEffect(() => setValue(given), [given]);
  useEffect(() => {
    if (value === given) return undefined;
    const timer = window.setTimeout(() => setQuery({ [name]: value.trim(), page: undefined }), pauseMs);
    return () => window.clearTimeout(timer);
  }, [value, given, name]);
  return (
    <label>
      {label}
      <input value={value} onChange={(event) => setValue(event.target.value)} name={name} />
    </label>
  );
}

/** A moment of the address's query, in the browser's time zone. */
export function DateFilter({ name, label, value }: { name: string; label: string; value: number | undefined }) {
  const local = value === undefined ? '' : new Date(value - new Date(value).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return (
    <label>
      {label}
      <input type="datetime-local" name={name} value={local} onChange={(event) => setQuery({ [name]: event.target.value, page: undefined })} />
    </label>
  );
}
