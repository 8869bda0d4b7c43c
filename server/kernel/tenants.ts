/**
 * Does the work of a round for each tenant, one after the other. What fails for one does not keep it from the others. Rejects at the end with an
 * `AggregateError` that names the tenants where it failed.
 */
export async function forEachTenant(tenantIds: readonly number[], work: (tenantId: number) => Promise<unknown>): Promise<void> {
  const failures = new Map<number, unknown>();
  for (const tenantId of tenantIds) {
    try {
      await work(tenantId);
    } catch (error) {
      failures.set(tenantId, error);
    }
  }
  if (failures.size > 0) throw new AggregateError(failures.values(), `the round failed for the tenants ${[...failures.keys()].join(', ')} of ${tenantIds.length}`);
}
