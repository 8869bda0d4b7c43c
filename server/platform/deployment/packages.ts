import type { Packages } from '../studio/interface.ts';
import { insertDeployment, moveDeployment } from './store.ts';

/** Deployments as commits and deletions open and end them. Ending one twice does nothing: the first end stands. */
export const packages: Packages = {
  async open(change, wanted) {
    const { tenantId, userId } = change.actor;
    const id = await insertDeployment(change, { ...wanted, tenantId, userId }, change.now);
    change.touch(`deployment:${id}`);
    return id;
  },
  async checking(change, id) {
    await moveDeployment(change, id, 'Checking', '', change.actor.userId, change.now);
  },
  async succeed(change, id) {
    await moveDeployment(change, id, 'Success', '', change.actor.userId, change.now);
  },
  async fail(change, id, { message, byCheck }) {
    await moveDeployment(change, id, byCheck ? 'Rejected' : 'Failed', message === '' ? 'An extension has blocked this.' : message, change.actor.userId, change.now);
  },
};
