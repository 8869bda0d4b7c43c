import { own } from '../api/contract.ts';
import { useRead } from '../api/queries.ts';

/** Names of users by their id; the id itself for those beyond the first hundred, or who are gone. */
export function useUserNames(): (id: string | number | undefined) => string {
  const users = useRead(own, 'ListUsers', { PageNumber: 1, PageSize: 100 });
  const list = users.data?.PagingInfo?.Users ?? [];
  return (id) => {
    const found = list.find((user) => String(user.UserId) === String(id));
    if (found === undefined) return id === undefined ? '–' : String(id);
    return found.DisplayName === undefined || found.DisplayName === '' ? (found.UserName ?? String(id)) : found.DisplayName;
  };
}
