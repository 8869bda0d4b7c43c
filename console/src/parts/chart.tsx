import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { init, use, type EChartsCoreOption, type EChartsType } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { useAppearance } from '../app/theme.tsx';

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  readonly tone?: 'main' | 'bad' | 'soft';
}

interface ChartProps {
  /** What the picture shows, for those who do not see it; the numbers stand in a table beside it. */
  label: string;
  kind: 'bar' | 'bar-across';
  names: readonly string[];
  series: readonly Series[];
  height?: number;
}

const tones = { main: '#23938b', bad: '#d2574f', soft: '#9fb3b2' };

export default function Chart({ label, kind, names, series, height = 240 }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const { appearance } = useAppearance();
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const chart: EChartsType = init(element, undefined, { renderer: 'svg' });
    const ink = appearance === 'dark' ? '#c3ccd4' : '#515b66';
    const line = appearance === 'dark' ? '#2f3942' : '#e3e8eb';
    const category = { type: 'category', data: [...names], axisLabel: { color: ink }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, inverse: kind === 'bar-across' };
    const value = { type: 'value', minInterval: 1, axisLabel: { color: ink }, splitLine: { lineStyle: { color: line } } };
    const option: EChartsCoreOption = {
      animation: false,
      grid: { left: 8, right: 16, top: series.length > 1 ? 34 : 12, bottom: 4, containLabel: true },
      tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' } },
      ...(series.length > 1 ? { legend: { top: 0, right: 0, itemHeight: 10, itemWidth: 14, textStyle: { color: ink } } } : {}),
      xAxis: kind === 'bar' ? category : value,
      yAxis: kind === 'bar' ? value : category,
      series: series.map((one) => ({ type: 'bar', stack: 'all', name: one.name, data: [...one.values], barMaxWidth: 28, itemStyle: { color: tones[one.tone ?? 'main'] } })),
    };
    chart.setOption(option);
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.dispose();
    };
  }, [appearance, kind, names, series]);
  return <div ref={box} role="img" aria-label={label} style={{ height, width: '100%' }} />;
}
