import { texts } from './catalogue.ts';

export const datasources = texts({
  'title': ['Data sources', '数据源'],
  'none': ['The workspace has no data source yet.', '工作空间还没有数据源。'],
  'new': ['New data source', '新建数据源'],
  'type': ['Type', '类型'],
  'environment': ['Environment', '环境'],
  'Prod': ['Production', '生产'],
  'Dev': ['Development', '开发'],
  'properties': ['Connection, as JSON', '连接配置（JSON）'],
  'properties-help': ['Secrets go in and are never shown again.', '敏感信息只写不读，之后不再显示。'],
  'mode': ['Kind of address', '地址方式'],
  'UrlMode': ['Address', 'URL 模式'],
  'InstanceMode': ['Instance of the cloud', '实例模式'],
  'test': ['Test the connection', '测试连通性'],
  'test-good': ['It can be reached.', '可以连通。'],
  'test-bad': ['It cannot be reached ({state}): {message}', '无法连通（{state}）：{message}'],
  'delete-ask': ['Delete the data source? Nodes that use it fail from then on.', '确定删除该数据源？使用它的节点将会失败。'],
});
