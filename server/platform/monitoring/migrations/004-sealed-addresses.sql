-- Addresses are sealed from here on, as `<SHA-256>:<sealed URL>`, and a message counts for the SHA-256. What was stored in plain cannot be
-- sealed here, where the key is not, and must not stay: it is taken away.
update alert_rule
  set receivers = (select coalesce(jsonb_agg(one order by at), '[]') from jsonb_array_elements(receivers) with ordinality as list (one, at)
                   where one ->> 'type' not in ('WebhookUrl', 'DingdingUrl', 'FeishuUrl', 'WeixinUrl'))
  where jsonb_typeof(receivers) = 'array';
update baseline
  set alert_settings = (select coalesce(jsonb_agg(one - 'DingRobots' - 'Webhooks' order by at), '[]') from jsonb_array_elements(alert_settings) with ordinality as list (one, at))
  where jsonb_typeof(alert_settings) = 'array';
update alert_message
  set target = null, receiver = 'url:' || encode(sha256(convert_to(tenant_id || ' ' || receiver, 'UTF8')), 'hex'), error_text = '',
    status = case when status = 'READY_TO_SEND' then 'SEND_FAIL' else status end
  where target ->> 'url' is not null;
