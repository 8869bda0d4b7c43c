/**
 * The life of a workspace:
 *
 *   Available <--UpdateProject--> Forbidden
 *   Available, Forbidden --DeleteProject, held--> Deleting --verdict OK or WARN--> Deleted
 *                                                 Deleting --verdict FAIL--> what it was before
 *   Available, Forbidden --DeleteProject, not held--> Deleted
 *
 * `Forbidden` is a workspace that its administrator has closed. A deleted one is not shown any more and its name is free again.
 */
export type WorkspaceStatus = 'Available' | 'Forbidden' | 'Deleting' | 'Deleted';

/** The statuses that a status may be followed by. */
export const nextStatuses: Readonly<Record<WorkspaceStatus, readonly WorkspaceStatus[]>> = {
  Available: ['Forbidden', 'Deleting', 'Deleted'],
  Forbidden: ['Available', 'Deleting', 'Deleted'],
  Deleting: ['Available', 'Forbidden', 'Deleted'],
  Deleted: [],
};

/** Number and code of each status in 2020-05-18. */
export const legacyStatus: Readonly<Record<WorkspaceStatus, { readonly number: number; readonly code: string }>> = {
  Available: { number: 0, code: 'AVAILABLE' },
  Deleted: { number: 1, code: 'DELETED' },
  Forbidden: { number: 4, code: 'FORBIDDEN' },
  Deleting: { number: 5, code: 'DELETING' },
};
