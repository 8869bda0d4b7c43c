/** One commit in five is refused; the id decides, so that a repeated question gets the same answer. */
export function verdictOf(id: string): 'OK' | 'FAIL' {
  return Number.parseInt(id.slice(0, 4), 16) % 5 === 0 ? 'FAIL' : 'OK';
}
