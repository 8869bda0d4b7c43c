/** The same call as code, for each of the vendor's generic clients and its command line. */

export interface SnippetCall {
  readonly origin: string;
  readonly product: string;
  readonly version: string;
  readonly action: string;
  /** As they go over the wire: every value is text. */
  readonly parameters: Readonly<Record<string, string>>;
}

export type SnippetLanguage = 'typescript' | 'java' | 'python' | 'go' | 'cli';

export const snippetLanguages: readonly (readonly [language: SnippetLanguage, title: string])[] = [
  ['typescript', 'TypeScript'],
  ['java', 'Java'],
  ['python', 'Python'],
  ['go', 'Go'],
  ['cli', 'aliyun CLI'],
];

const q = (text: string) => JSON.stringify(text);

export function snippetOf(language: SnippetLanguage, call: SnippetCall): string {
  return writers[language](call, new URL(call.origin));
}

const writers: Readonly<Record<SnippetLanguage, (call: SnippetCall, origin: URL) => string>> = { typescript, java, python, go, cli };

function scheme(origin: URL): string {
  return origin.protocol.slice(0, -1);
}

function lines(call: SnippetCall, indent: string, line: (name: string, value: string) => string): string {
  return Object.entries(call.parameters)
    .map(([name, value]) => `${indent}${line(name, value)}\n`)
    .join('');
}

function typescript(call: SnippetCall, origin: URL): string {
  return `// npm install @alicloud/openapi-core
import Client, { $OpenApiUtil } from '@alicloud/openapi-core';
import { RuntimeOptions } from '@darabonba/typescript';

const client = new Client(new $OpenApiUtil.Config({
  accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
  accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
  endpoint: ${q(origin.host)},
  protocol: ${q(scheme(origin))},
}));
const params = new $OpenApiUtil.Params({
  action: ${q(call.action)}, version: ${q(call.version)}, protocol: ${q(scheme(origin))},
  pathname: '/', method: 'POST', authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
});
const request = new $OpenApiUtil.OpenApiRequest({
  body: {
${lines(call, '    ', (name, value) => `${q(name)}: ${q(value)},`)}  },
});
const answer = await client.callApi(params, request, new RuntimeOptions({}));
console.log(answer.body);
`;
}

function java(call: SnippetCall, origin: URL): string {
  return `// com.aliyun:tea-openapi
import com.aliyun.teaopenapi.Client;
import com.aliyun.teaopenapi.models.*;
import com.aliyun.teautil.models.RuntimeOptions;
import java.util.*;

public class Call {
    public static void main(String[] args) throws Exception {
        Client client = new Client(new Config()
            .setAccessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
            .setAccessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
            .setEndpoint(${q(origin.host)})
            .setProtocol(${q(scheme(origin))}));
        Params params = new Params()
            .setAction(${q(call.action)}).setVersion(${q(call.version)}).setProtocol(${q(scheme(origin))})
            .setPathname("/").setMethod("POST").setAuthType("AK").setStyle("RPC")
            .setReqBodyType("formData").setBodyType("json");
        Map<String, Object> body = new HashMap<>();
${lines(call, '        ', (name, value) => `body.put(${q(name)}, ${q(value)});`)}        Map<String, ?> answer = client.callApi(params, new OpenApiRequest().setBody(body), new RuntimeOptions());
        System.out.println(answer.get("body"));
    }
}
`;
}

function python(call: SnippetCall, origin: URL): string {
  return `# pip install alibabacloud-tea-openapi
import os
from alibabacloud_tea_openapi import models
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_util.models import RuntimeOptions

client = Client(models.Config(
    access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
    access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    endpoint=${q(origin.host)},
    protocol=${q(scheme(origin))},
))
params = models.Params(
    action=${q(call.action)}, version=${q(call.version)}, protocol=${q(scheme(origin))},
    pathname="/", method="POST", auth_type="AK", style="RPC",
    req_body_type="formData", body_type="json",
)
body = {
${lines(call, '    ', (name, value) => `${q(name)}: ${q(value)},`)}}
answer = client.call_api(params, models.OpenApiRequest(body=body), RuntimeOptions())
print(answer["body"])
`;
}

function go(call: SnippetCall, origin: URL): string {
  return `// go get github.com/alibabacloud-go/darabonba-openapi/v2
package main

import (
	"fmt"
	"os"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
)

func main() {
	client, err := openapi.NewClient(&openapi.Config{
		AccessKeyId:     tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID")),
		AccessKeySecret: tea.String(os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
		Endpoint:        tea.String(${q(origin.host)}),
		Protocol:        tea.String(${q(scheme(origin))}),
	})
	if err != nil {
		panic(err)
	}
	params := &openapi.Params{
		Action: tea.String(${q(call.action)}), Version: tea.String(${q(call.version)}), Protocol: tea.String(${q(scheme(origin))}),
		Pathname: tea.String("/"), Method: tea.String("POST"), AuthType: tea.String("AK"), Style: tea.String("RPC"),
		ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}
	body := map[string]interface{}{
${lines(call, '\t\t', (name, value) => `${q(name)}: ${q(value)},`)}	}
	answer, err := client.CallApi(params, &openapi.OpenApiRequest{Body: body}, &util.RuntimeOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(answer["body"])
}
`;
}

function cli(call: SnippetCall, origin: URL): string {
  const quote = (text: string) => (/^[\w.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);
  const parts = [
    `aliyun ${call.product} ${call.action}`,
    `--version ${call.version} --force --method POST`,
    `--endpoint ${origin.host}${origin.protocol === 'http:' ? ' --insecure' : ''}`,
    ...Object.entries(call.parameters).map(([name, value]) => `--${name} ${quote(value)}`),
  ];
  return `${parts.join(' \\\n  ')}\n`;
}
