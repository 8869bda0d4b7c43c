import { ApiError } from '../kernel/errors.ts';

/** The regions of the deployment and how a call chooses one. */
export interface Regions {
  readonly names: readonly string[];
  readonly default: string;
  /**
   * The region of a call: by its host name `dataworks.<region>.…`, else by its `RegionId`, else the default.
   * Throws `InvalidRegion` for one that is not here. Where the operator named no regions, any name means the only one.
   */
  choose(host: string | undefined, regionId: string | undefined): string;
}

const HOST_REGION = /^dataworks(?:-vpc)?\.([a-z]{2}-[a-z0-9-]+)\./i;

/** @param configured Names from `MILLRACE_REGIONS`; empty for a deployment that does not care. */
export function createRegions(configured: readonly string[]): Regions {
  const names = configured.length === 0 ? ['cn-shanghai'] : configured;
  const first = names[0] ?? 'cn-shanghai';
  return {
    names,
    default: first,
    choose(host, regionId) {
      // Almost every call of a local server: no region named at all.
      if (configured.length === 0) return first;
      const wanted = (host === undefined ? undefined : HOST_REGION.exec(host)?.[1]) ?? (regionId === '' ? undefined : regionId);
      if (wanted === undefined) return first;
      const name = wanted.toLowerCase();
      if (!names.includes(name)) throw new ApiError('InvalidRegion', { region: wanted.slice(0, 40), known: names.join(', ') });
      return name;
    },
  };
}
