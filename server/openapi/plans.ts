/** What a tenant may call, in a region. The vendor's editions as presets, and ours without limits. */
export interface Plan {
  readonly name: PlanName;
  /** Calls a second; undefined is unlimited. */
  readonly readRate: number | undefined;
  readonly writeRate: number | undefined;
  /** True where reads and writes share one rate, which is `readRate`. */
  readonly sharedRate: boolean;
  readonly perDay: number | undefined;
  readonly perMonth: number | undefined;
  /** Whether failed calls use up quota. */
  readonly countsFailures: boolean;
}

export type PlanName = 'Basic' | 'Standard' | 'Professional' | 'Enterprise' | 'Unlimited';

/** Source: the vendor's table of 2026 (facts, section 1.5). Beyond the monthly number the vendor bills; here the calls are refused. */
export const plans: Readonly<Record<PlanName, Plan>> = {
  Basic: { name: 'Basic', readRate: 5, writeRate: 5, sharedRate: true, perDay: 100, perMonth: 3_100, countsFailures: true },
  Standard: { name: 'Standard', readRate: 5, writeRate: 5, sharedRate: true, perDay: undefined, perMonth: 100_000, countsFailures: false },
  Professional: { name: 'Professional', readRate: 5, writeRate: 5, sharedRate: true, perDay: undefined, perMonth: 500_000, countsFailures: false },
  Enterprise: { name: 'Enterprise', readRate: 50, writeRate: 20, sharedRate: false, perDay: undefined, perMonth: 1_000_000, countsFailures: false },
  Unlimited: { name: 'Unlimited', readRate: undefined, writeRate: undefined, sharedRate: false, perDay: undefined, perMonth: undefined, countsFailures: false },
};

export function planNamed(name: string): Plan {
  return plans[name as PlanName] ?? plans.Unlimited;
}

/** True when a call with this HTTP status uses up quota under the plan. Throttled calls never do. */
export function counts(plan: Plan, status: number): boolean {
  return status !== 429 && (status < 400 || plan.countsFailures);
}
