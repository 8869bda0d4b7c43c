/** Structure of a rule, checked as it is read. What it may use when it runs stands in `kernel/limits.ts`. */
export const ruleLimits = { maxAstNodes: 2_000, maxDepth: 64, maxListElements: 500, maxMapEntries: 200, maxCallArguments: 16 };
