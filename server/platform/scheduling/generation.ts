import { platformActor, type Change, type Changes } from '../../kernel/change.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { Log } from '../../kernel/log.ts';
import { forEachTenant } from '../../kernel/tenants.ts';
import { addDays, instantOf, startOfDay, wallTimeOf, type WallTime } from './calendar.ts';
import { insertDag, releaseDags } from './dag-store.ts';
import { beginDay, dayOf, endDay } from './day-store.ts';
import { checkFreeInstances, insertEdges, type Edge } from './edge-store.ts';
import { cyclesOfDay as instancesOfDay, insertInstances, instancesOfDags, lastCyclesBefore, type NewInstance } from './instance-store.ts';
import { instanceOfTask } from './new-instance.ts';
import { evaluateAll } from './parameters.ts';
import { planEdges, type PlannedDependency } from './plan.ts';
import { resolvedDependencies, scheduledTasks, scheduledWorkflows, tenantsWithTasks, type TaskRow, type WorkflowRow } from './store.ts';
import { cyclesOfDay, type DayCycles } from './task-cycles.ts';
import { lookAt } from './transition.ts';

/** Making the instances of a day from the tasks in service. */
export interface Generation {
  /** Makes what is due to be made now, for all tenants: tomorrow from the evening on, today and missed days when they are lacking. Returns the number of days made. */
  round(): Promise<number>;
  /** Makes the instances of one day (a wall clock reading of its beginning) for a tenant. Doing it twice makes them once. Returns how many there are. */
  makeDay(tenantId: number, day: WallTime): Promise<number>;
  /** Makes what is left of today for tasks that were just published and count at once. */
  makeRestOfToday(change: Change, tasks: readonly TaskRow[]): Promise<void>;
}

/** How much of a day one change writes, so that no transaction holds back the event log for long. */
const INSTANCES_A_CHANGE = 1_000;
const EDGES_A_CHANGE = 5_000;

interface Planned extends DayCycles {
  readonly task: TaskRow;
  readonly workflow: WorkflowRow | undefined;
}

function dayText(day: WallTime): string {
  return day.toISOString().slice(0, 10);
}

function parts<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, place) => items.slice(place * size, (place + 1) * size));
}

export function createGeneration(options: { database: Database; changes: Changes; clock: Clock; log: Log; timeZone: string }): Generation {
  const { database, changes, clock, log, timeZone } = options;

  function plan(tasks: readonly TaskRow[], workflows: readonly WorkflowRow[], day: WallTime): Map<number, Planned> {
    const byId = new Map(workflows.map((workflow) => [workflow.workflow_id, workflow]));
    const cyclesOfWorkflow = new Map(workflows.map((workflow) => [workflow.workflow_id, cyclesOfDay(workflow, day, timeZone)]));
    const planned = tasks.flatMap((task): [number, Planned][] => {
      if (task.workflow_id === null) return [[task.task_id, { task, workflow: undefined, ...cyclesOfDay(task, day, timeZone) }]];
      const workflow = byId.get(task.workflow_id);
      const cycles = cyclesOfWorkflow.get(task.workflow_id);
      // The bodies of loops and the nodes of manual workflows have no cycles of their own.
      return workflow === undefined || cycles === undefined ? [] : [[task.task_id, { task, workflow, ...cycles }]];
    });
    return new Map(planned.filter(([, { cycles }]) => cycles.length > 0));
  }

  /** Dependencies on a workflow are dependencies on those of its nodes that nothing inside waits for; a workflow's own are those of its nodes that wait for nothing inside. */
  function expand(planned: ReadonlyMap<number, Planned>, resolved: Awaited<ReturnType<typeof resolvedDependencies>>): { dependencies: PlannedDependency[]; blocked: Map<number, string> } {
    const nodesOf = Map.groupBy([...planned.values()].filter(({ workflow }) => workflow !== undefined), ({ workflow }) => workflow?.workflow_id ?? 0);
    const inside = resolved.filter((one) => one.kind === 'Normal' && one.upstream_id !== null && planned.get(one.task_id)?.workflow !== undefined && planned.get(one.task_id)?.workflow === planned.get(one.upstream_id)?.workflow);
    const waited = new Set(inside.map((one) => one.upstream_id));
    const waiting = new Set(inside.map((one) => one.task_id));
    const ends = (id: number) => (nodesOf.has(id) ? (nodesOf.get(id) ?? []).flatMap(({ task }) => (waited.has(task.task_id) ? [] : [task.task_id])) : [id]);
    const beginnings = (id: number) => (nodesOf.has(id) ? (nodesOf.get(id) ?? []).flatMap(({ task }) => (waiting.has(task.task_id) ? [] : [task.task_id])) : [id]);
    const children = Map.groupBy(resolved.filter((one) => one.kind === 'Normal' && one.upstream_id !== null), (one) => one.upstream_id ?? 0);
    const dependencies: PlannedDependency[] = [];
    const blocked = new Map<number, string>();
    for (const one of resolved) {
      const downs = beginnings(one.task_id).filter((id) => planned.has(id));
      const pair = (upstream: number, output: string | null) => {
        for (const downstream of downs) dependencies.push({ downstream, upstream, kind: one.kind, output });
      };
      if (one.kind === 'CrossCycleDependsOnSelf') for (const downstream of nodesOf.has(one.task_id) ? ends(one.task_id) : downs) pair(downstream, null);
      else if (one.kind === 'CrossCycleDependsOnChildren') for (const child of children.get(one.task_id) ?? []) for (const upstream of ends(child.task_id)) pair(upstream, null);
      else if (one.upstream_id !== null) for (const upstream of ends(one.upstream_id)) pair(upstream, one.output);
      // The root of a workspace has always succeeded; anything else that nobody gives stands in the way, visibly.
      else if (one.output?.endsWith('_root') !== true) for (const downstream of downs) blocked.set(downstream, `It waits for ${one.output === null ? 'a node' : `the output ${one.output}`} that is not deployed.`);
    }
    return { dependencies, blocked };
  }

  function newInstances(planned: ReadonlyMap<number, Planned>, blocked: ReadonlyMap<number, string>, dagOf: (one: Planned, place: number) => number, bizdate: WallTime, now: Date): NewInstance[] {
    const bizdateInstant = instantOf(bizdate, timeZone);
    return [...planned.values()].flatMap((one) =>
      one.cycles.map((cycle, place) => {
        const { task, workflow } = one;
        const recurrence = workflow?.recurrence === 'Pause' || task.recurrence === 'Pause' ? 'Pause' : workflow?.recurrence === 'Skip' ? 'Skip' : task.recurrence;
        const zone = (workflow ?? task).time_zone ?? timeZone;
        const times = { bizdate, cyctime: cycle.wall, now: wallTimeOf(now, zone) };
        return instanceOfTask(task, {
          dagId: dagOf(one, place),
          dagType: 'Normal',
          flowId: workflow?.workflow_id ?? 1,
          taskType: recurrence === 'Pause' ? 'PAUSE' : recurrence === 'Skip' ? 'SKIP' : cycle.due ? 'NORMAL' : 'SKIP_CYCLE',
          bizdate: bizdateInstant,
          triggerTime: cycle.instant,
          periodNumber: cycle.number,
          parameters: evaluateAll([...(workflow?.parameters ?? []).filter((own) => !task.parameters.some((other) => other.name === own.name)), ...task.parameters], [], times),
          createdBy: task.owner_id,
          blockedBy: blocked.get(task.task_id) ?? '',
        });
      }),
    );
  }

  /** One workflow instance for the nodes of each workspace, and one for each cycle of each workflow. */
  async function insertDags(change: Change, planned: ReadonlyMap<number, Planned>, bizdate: WallTime, released: boolean): Promise<(one: Planned, place: number) => number> {
    const bizdateInstant = instantOf(bizdate, timeZone);
    const day = dayText(addDays(bizdate, 1));
    const ids = new Map<string, number>();
    const keyOf = ({ task, workflow, cycles }: Planned, place: number) => (workflow === undefined ? `${task.workspace_id} 1 ${day}` : `${task.workspace_id} ${workflow.workflow_id} ${cycles[place]?.instant.toISOString() ?? ''}`);
    for (const one of planned.values()) {
      for (const [place, cycle] of one.cycles.entries()) {
        const key = keyOf(one, place);
        if (ids.has(key)) continue;
        const { task, workflow } = one;
        const id = await insertDag(
          change,
          {
            tenantId: task.tenant_id,
            workspaceId: task.workspace_id,
            environment: 'PROD',
            name: workflow === undefined ? `workspace_${task.workspace_id}_${day}` : workflow.name,
            type: 'Normal',
            bizdate: bizdateInstant,
            createdBy: workflow?.owner_id ?? 0,
            flowId: workflow?.workflow_id ?? 1,
            triggerTime: workflow === undefined ? instantOf(addDays(bizdate, 1), timeZone) : cycle.instant,
            released,
            cycleKey: key,
          },
          change.now,
        );
        ids.set(key, id);
      }
    }
    return (one, place) => ids.get(keyOf(one, place)) ?? 0;
  }

  /** Edges between the instances of the plan, and to those of earlier days. `idOf` finds an instance by task and moment. */
  async function edgesOf(db: Database | Change, planned: ReadonlyMap<number, Planned>, dependencies: readonly PlannedDependency[], bizdate: WallTime, idOf: (task: number, moment: Date) => number | undefined): Promise<Edge[]> {
    const { within, earlier } = planEdges(planned, dependencies);
    const at = (task: number, place: number) => {
      const cycle = planned.get(task)?.cycles[place];
      return cycle === undefined ? undefined : idOf(task, cycle.instant);
    };
    const edges = within.flatMap(({ dependency, down, up }): Edge[] => {
      const downstream = at(dependency.downstream, down);
      const upstream = at(dependency.upstream, up);
      return downstream === undefined || upstream === undefined ? [] : [{ downstream, upstream, kind: dependency.kind, output: dependency.output }];
    });
    if (earlier.length === 0) return edges;
    const lastOnes = [...new Set(earlier.filter((need) => need.which === 'last').map((need) => need.upstream))];
    const wholeDays = [...new Set(earlier.filter((need) => need.which === 'day').map((need) => need.upstream))];
    // Zones differ in when their day begins; what lies before the first cycle of the waiting task counts as earlier.
    const begin = instantOf(addDays(bizdate, 1), timeZone);
    const last = new Map((await lastCyclesBefore(db, lastOnes, begin)).map((row) => [row.task_id, [row.id]]));
    const whole = Map.groupBy(await instancesOfDay(db, wholeDays, instantOf(addDays(bizdate, -1), timeZone)), (row) => row.task_id);
    for (const need of earlier) {
      const downstream = at(need.downstream, need.downstreamPlace);
      const upstreams = need.which === 'last' ? (last.get(need.upstream) ?? []) : (whole.get(need.upstream) ?? []).map((row) => row.id);
      if (downstream !== undefined) for (const upstream of upstreams) if (upstream !== downstream) edges.push({ downstream, upstream, kind: need.kind, output: null });
    }
    return edges;
  }

  async function makeDay(tenantId: number, day: WallTime): Promise<number> {
    const actor = platformActor('schedule:make-day', tenantId);
    const bizdate = addDays(day, -1);
    const [tasks, workflows, resolved] = [await scheduledTasks(database, tenantId), await scheduledWorkflows(database, tenantId), await resolvedDependencies(database, tenantId)];
    const planned = plan(tasks, workflows, day);
    const { dependencies, blocked } = expand(planned, resolved);
    const dagOf = await changes.change(actor, (change) => insertDags(change, planned, bizdate, false));
    const instances = newInstances(planned, blocked, dagOf, bizdate, clock.now());
    for (const part of parts(instances, INSTANCES_A_CHANGE)) await changes.change(actor, (change) => insertInstances(change, part, change.now));
    const dagIds = [...new Set(instances.map((instance) => instance.dag_id))];
    const ids = new Map((await instancesOfDags(database, dagIds)).map((row) => [`${row.task_id} ${row.trigger_time.getTime()}`, row.id]));
    const edges = await edgesOf(database, planned, dependencies, bizdate, (task, moment) => ids.get(`${task} ${moment.getTime()}`));
    for (const part of parts(edges, EDGES_A_CHANGE)) await changes.change(actor, (change) => insertEdges(change, part));
    // Two changes: what ends after the release is known is looked at by its own check; the second change sees all that ended before.
    await changes.change(actor, (change) => releaseDags(change, dagIds));
    await changes.change(actor, async (change) => {
      await checkFreeInstances(change, tenantId, dagIds);
      await endDay(change, tenantId, dayText(day), ids.size, change.now);
      change.notify('millrace_schedule');
    });
    log.info({ tenant: tenantId, day: dayText(day), instances: ids.size, edges: edges.length }, 'the instances of a day were made');
    return ids.size;
  }

  return {
    makeDay,
    async round() {
      const now = clock.now();
      const wall = wallTimeOf(now, timeZone);
      // From the evening on, tomorrow is due to be made.
      const newest = startOfDay(new Date(wall.getTime() + limits.scheduleAheadMinutes.value * 60_000));
      let made = 0;
      await forEachTenant(await tenantsWithTasks(database), async (tenantId) => {
        const last = await dayOf(database, tenantId);
        if (last === undefined) {
          // What is published first counts from the next day that is made; the present one is past.
          await changes.change(platformActor('schedule:make-day', tenantId), (change) => endDay(change, tenantId, dayText(newest), 0, change.now));
          return;
        }
        const oldest = new Date(Math.max(addDays(last, 1).getTime(), addDays(newest, -limits.scheduleCatchUpDays.value).getTime()));
        for (let day = oldest; day <= newest; day = addDays(day, 1)) {
          if (!(await beginDay(database, tenantId, dayText(day), now))) continue;
          await makeDay(tenantId, day);
          made += 1;
        }
      });
      return made;
    },
    async makeRestOfToday(change, tasks) {
      const day = startOfDay(wallTimeOf(change.now, timeZone));
      const bizdate = addDays(day, -1);
      const { tenantId } = change.actor;
      const planned = plan(tasks, await scheduledWorkflows(change, tenantId), day);
      if (planned.size === 0) return;
      const resolved = (await resolvedDependencies(change, tenantId)).filter((one) => planned.has(one.task_id));
      const around = plan(await scheduledTasks(change, tenantId), await scheduledWorkflows(change, tenantId), day);
      const { dependencies, blocked } = expand(around, resolved);
      const dagOf = await insertDags(change, planned, bizdate, true);
      const rows = newInstances(planned, blocked, dagOf, bizdate, change.now).map((row): NewInstance => (row.trigger_time > change.now || row.task_type === 'PAUSE' ? row : { ...row, task_type: 'REALTIME_DEPRECATED' }));
      const ids = await insertInstances(change, rows, change.now);
      const upstreams = new Set(dependencies.map((dependency) => dependency.upstream));
      const present = new Map((await instancesOfDay(change, [...upstreams, ...planned.keys()], instantOf(bizdate, timeZone))).map((row) => [`${row.task_id} ${row.trigger_time.getTime()}`, row.id]));
      const written = new Set(ids);
      const edges = await edgesOf(change, around, dependencies.filter((dependency) => planned.has(dependency.downstream)), bizdate, (task, moment) => present.get(`${task} ${moment.getTime()}`));
      await insertEdges(change, edges.filter((edge) => written.has(edge.downstream)));
      await lookAt(change, ids);
    },
  };
}
