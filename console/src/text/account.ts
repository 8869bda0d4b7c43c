import { texts } from './catalogue.ts';

export const account = texts({
  'keys': ['My AccessKeys', '我的 AccessKey'],
  'keys-text': ['Programs sign their calls with these. A secret is shown once, when the key is made.', '程序使用 AccessKey 对调用签名。密钥仅在创建时显示一次。'],
  'new-key': ['Create an AccessKey', '创建 AccessKey'],
  'no-keys': ['You have no AccessKey yet.', '您还没有 AccessKey。'],
  'id': ['AccessKey id', 'AccessKey ID'],
  'secret': ['AccessKey secret', 'AccessKey Secret'],
  'secret-once': ['Keep the secret now: it cannot be shown again.', '请立即保存密钥，之后无法再次查看。'],
  'last-used': ['Last used', '最近使用'],
  'active': ['Active', '启用'],
  'inactive': ['Inactive', '停用'],
  'activate': ['Activate', '启用'],
  'deactivate': ['Deactivate', '停用'],
  'delete-key': ['Delete this key? Programs that use it are refused from then on.', '确定删除该密钥？使用它的程序将立即被拒绝。'],
  'password': ['Password', '密码'],
  'change-password': ['Change my password', '修改密码'],
  'present-password': ['Present password', '当前密码'],
  'new-password': ['New password', '新密码'],
});
