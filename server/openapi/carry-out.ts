import { createHash } from 'node:crypto';
import type { Operation } from '../../contract/index.ts';
import { TokenInUse } from '../kernel/answers.ts';
import type { Actor, Changes } from '../kernel/change.ts';
import { ApiError, invalid } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { SecretBox } from '../kernel/secrets.ts';
import type { Rehearsed, Unit } from '../kernel/unit.ts';
import { header, type Exchange } from './exchange.ts';
import { textParameter, type RawParameters } from './parameters.ts';

/**
 * The two things that every write takes beside its own parameters: `ClientToken`, under which it happens once however often it is sent, and `DryRun`
 * (or the header `x-millrace-dry-run`), with which it only tells what would happen.
 */
export interface Manner {
  readonly token: string | undefined;
  readonly dryRun: boolean;
}

/** Reads how a write is to be carried out. An operation whose contract has a `DryRun` of its own keeps it, and obeys the header beside it. Throws the ApiError for the caller. */
export function readManner(exchange: Pick<Exchange, 'headers'>, parameters: RawParameters, operation: Operation): Manner {
  const own = operation.parameters.some(({ name }) => name === 'DryRun');
  const dryRun = flag('x-millrace-dry-run', header(exchange, 'x-millrace-dry-run')) || (!own && flag('DryRun', textParameter(parameters, 'DryRun') ?? parameters.json?.['DryRun']));
  const token = textParameter(parameters, 'ClientToken');
  if (token !== undefined && token.length > limits.clientTokenCharacters.value) throw invalid('ClientToken', `it may have at most ${limits.clientTokenCharacters.value} characters.`);
  // Signing in stands outside the tenant's data, and must not be tried without being counted.
  if (dryRun && operation.sessionOnly) throw invalid('DryRun', `${operation.name} has no dry run.`);
  return { token: token === '' ? undefined : token, dryRun };
}

function flag(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false;
  if (value === true) return true;
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  throw invalid(name, 'it must be true or false.');
}

type Body = Record<string, unknown>;

interface Services {
  readonly changes: Changes;
  readonly secrets: SecretBox;
}

const purposeOf = (actor: Actor) => `answer:${actor.tenantId}:${actor.userId}:${actor.action}:${actor.token ?? ''}`;

/**
 * What was answered to this user's token before, without `RequestId`. To be asked before the request is authorised: a repeated deletion has nothing left to be
 * authorised for. Throws the ApiError for a token that came with another request.
 */
export async function keptAnswer({ changes, secrets }: Services, actor: Actor, requestHash: string): Promise<Body | undefined> {
  const sealed = await changes.storedAnswer(actor);
  if (sealed === undefined) return undefined;
  const kept = JSON.parse(secrets.open(sealed, purposeOf(actor))) as { readonly requestHash: string; readonly answer: Body };
  if (kept.requestHash !== requestHash) throw new ApiError('IdempotentMismatch', { token: actor.token ?? '' });
  return kept.answer;
}

/** Carries a write out in its manner; `handle` runs the operation, on a unit or plainly. Answers the body without `RequestId`. */
export async function carryOut(services: Services, actor: Actor, manner: { readonly dryRun: boolean; readonly requestHash: string }, handle: (actor: Actor, unit: Unit | undefined) => Promise<Body>): Promise<Body> {
  const { changes, secrets } = services;
  if (manner.dryRun) {
    const rehearsed = await changes.rehearse(actor, (unit, rehearsing) => handle(rehearsing, unit));
    return { ...rehearsed.result, DryRun: describe(rehearsed) };
  }
  if (actor.token === undefined) return handle(actor, undefined);
  try {
    return await changes.once(actor, (unit) => handle(actor, unit), (answer) => secrets.seal(JSON.stringify({ requestHash: manner.requestHash, answer }), purposeOf(actor)));
  } catch (error) {
    // Someone with the same token was faster; without that an error of our own try stands.
    const other = await keptAnswer(services, actor, manner.requestHash);
    if (other !== undefined) return other;
    if (error instanceof TokenInUse) throw new ApiError('Throttling.System', {}, 1_000);
    throw error;
  }
}

/** A dry run in the words of the wire. */
function describe({ events, jobs, targets, questions, rows }: Rehearsed<unknown>): Body {
  return {
    Targets: targets,
    Rows: rows.map(({ table, inserted, updated, deleted }) => ({ Table: table, Inserted: inserted, Updated: updated, Deleted: deleted })),
    Events: events.map(({ code, workspaceId, objectKey, data }) => ({ EventCode: code, ...(workspaceId === undefined ? {} : { ProjectId: workspaceId }), ObjectKey: objectKey, Data: data })),
    Extensions: questions.flatMap(({ point, title, held, extensions }) =>
      extensions.map(({ code, name, mode }) => ({ EventCode: point, Title: title, Held: held, ExtensionCode: code, ExtensionName: name, Mode: mode })),
    ),
    Jobs: [...new Set(jobs.map(({ kind }) => kind))],
  };
}

/** What makes two requests the same: operation, region and decoded parameters, in any order. */
export function hashRequest(call: { readonly product: string; readonly version: string; readonly action: string; readonly region: string }, request: Readonly<Body>): string {
  const { ClientToken: _token, ...rest } = request;
  const sorted = Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(`${call.product}/${call.version}/${call.action}/${call.region} ${JSON.stringify(sorted)}`).digest('hex');
}
