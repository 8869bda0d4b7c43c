const WAIT_MS = 60_000;
const POLL_MS = 50;

/** Asks again and again until `ask` answers something, and gives up after a minute. `what` names it in the error. */
export async function until<Result>(what: string, ask: () => Promise<Result | undefined> | Result | undefined): Promise<Result> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${WAIT_MS / 1_000} seconds in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
