import { useQuery } from '@tanstack/react-query';
import { graphlib, layout } from '@dagrejs/dagre';
import { Background, Controls, Handle, Position, ReactFlow, type Edge, type Node, type NodeProps } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMemo } from 'react';
import { call, type CallError } from '../../api/client.ts';
import { current } from '../../api/contract.ts';
import { goTo, Link } from '../../app/router.tsx';
import { useAppearance } from '../../app/theme.tsx';
import { Answer } from '../../parts/states.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { InstanceState, toneOf } from './instance-states.tsx';

interface Neighbour {
  readonly id: number;
  readonly name: string;
  readonly status: string | undefined;
}

interface Neighbourhood {
  readonly nodes: readonly Neighbour[];
  readonly edges: readonly (readonly [from: number, to: number])[];
}

/** So many steps away from the instance, and no more instances than this, are drawn. */
const steps = 2;
const mostNodes = 60;
const perStep = 20;

type Instance = { readonly Id?: number | undefined; readonly TaskName?: string | undefined; readonly Status?: string | undefined };

async function readNeighbourhood(start: Neighbour, signal: AbortSignal): Promise<Neighbourhood> {
  const nodes = new Map<number, Neighbour>([[start.id, start]]);
  const edges: (readonly [number, number])[] = [];
  const add = (instance: Instance): number | undefined => {
    if (instance.Id === undefined || (nodes.size >= mostNodes && !nodes.has(instance.Id))) return undefined;
    nodes.set(instance.Id, { id: instance.Id, name: instance.TaskName ?? String(instance.Id), status: instance.Status });
    return instance.Id;
  };
  for (const direction of ['up', 'down'] as const) {
    let edge: readonly number[] = [start.id];
    for (let step = 0; step < steps && edge.length > 0; step += 1) {
      const next: number[] = [];
      for (const id of edge) {
        for (const neighbour of await neighboursOf(id, direction, signal)) {
          const known = nodes.has(neighbour.Id ?? 0);
          const found = add(neighbour);
          if (found === undefined) continue;
          edges.push(direction === 'up' ? [found, id] : [id, found]);
          if (!known) next.push(found);
        }
      }
      edge = next;
    }
  }
  return { nodes: [...nodes.values()], edges };
}

async function neighboursOf(Id: number, direction: 'up' | 'down', signal: AbortSignal): Promise<readonly Instance[]> {
  const request = { Id, PageNumber: 1, PageSize: perStep };
  if (direction === 'up') {
    const { PagingInfo } = await call(current, 'ListUpstreamTaskInstances', request, signal);
    return PagingInfo?.TaskInstances ?? (PagingInfo?.UpstreamTaskInstances ?? []).map((one) => one.TaskInstance ?? {});
  }
  const { PagingInfo } = await call(current, 'ListDownstreamTaskInstances', request, signal);
  return PagingInfo?.TaskInstances ?? (PagingInfo?.DownstreamTaskInstances ?? []).map((one) => one.TaskInstance ?? {});
}

interface GraphProps {
  workspace: number;
  instance: Instance;
  live: boolean;
}

/** The instances around one, with their states. */
export default function InstanceGraph({ workspace, instance, live }: GraphProps) {
  const t = useTexts(platform);
  const start: Neighbour = { id: instance.Id ?? 0, name: instance.TaskName ?? '', status: instance.Status };
  const around = useQuery<Neighbourhood, CallError>({
    queryKey: [current, 'neighbourhood', start.id],
    queryFn: ({ signal }) => readNeighbourhood(start, signal),
    refetchInterval: live ? 3_000 : false,
  });
  return (
    <Answer query={around} action="ListUpstreamTaskInstances">
      {(found) => {
        const nodes = found.nodes.map((node) => (node.id === start.id ? start : node));
        return (
          <>
            <Picture workspace={workspace} start={start.id} nodes={nodes} edges={found.edges} label={t('graph-label', { n: nodes.length })} />
            <details>
              <summary>{t('graph-table')}</summary>
              <ul>
                {nodes.map((node) => (
                  <li key={node.id}>
                    <Link to={`/platform/operations/${workspace}/instances/${node.id}`}>{node.name}</Link> <InstanceState status={node.status} />
                  </li>
                ))}
              </ul>
            </details>
          </>
        );
      }}
    </Answer>
  );
}

const width = 190;
const height = 54;

type BoxData = { readonly neighbour: Neighbour; readonly start: boolean };

function Box({ data }: NodeProps<Node<BoxData>>) {
  return (
    <div className={`graph-box graph-${toneOf(data.neighbour.status)}${data.start ? ' graph-start' : ''}`} style={{ width, height }}>
      <Handle type="target" position={Position.Top} />
      <strong>{data.neighbour.name}</strong>
      <InstanceState status={data.neighbour.status} />
      <Handle type="source" position={Position.Bottom} />
    </div>
  );
}

const nodeTypes = { box: Box };

function Picture({ workspace, start, nodes, edges, label }: { workspace: number; start: number; nodes: readonly Neighbour[]; edges: Neighbourhood['edges']; label: string }) {
  const { appearance } = useAppearance();
  const placed = useMemo(() => place(nodes, edges), [nodes, edges]);
  const boxes: Node<BoxData>[] = nodes.map((neighbour) => ({ id: String(neighbour.id), type: 'box', position: placed.get(neighbour.id) ?? { x: 0, y: 0 }, data: { neighbour, start: neighbour.id === start } }));
  const lines: Edge[] = edges.map(([from, to]) => ({ id: `${from}-${to}`, source: String(from), target: String(to) }));
  return (
    <div className="graph" role="group" aria-label={label}>
      <ReactFlow nodes={boxes} edges={lines} nodeTypes={nodeTypes} colorMode={appearance} fitView fitViewOptions={{ maxZoom: 1 }} nodesDraggable={false} nodesConnectable={false} proOptions={{ hideAttribution: true }} onNodeClick={(_, node) => goTo(`/platform/operations/${workspace}/instances/${node.id}`)}>
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
}

/** Places by layers from top to bottom. */
function place(nodes: readonly Neighbour[], edges: Neighbourhood['edges']): Map<number, { x: number; y: number }> {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 40 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(String(node.id), { width, height });
  for (const [from, to] of edges) graph.setEdge(String(from), String(to));
  layout(graph);
  return new Map(
    nodes.map((node) => {
      const { x, y } = graph.node(String(node.id)) as { x: number; y: number };
      return [node.id, { x: x - width / 2, y: y - height / 2 }];
    }),
  );
}
