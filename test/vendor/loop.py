"""
The vendor's own Python SDKs, unmodified, against a running Millrace: create, deploy, run, inspect, in both versions.

    pip install alibabacloud-dataworks-public20240518==9.11.0 alibabacloud-dataworks-public20200518==10.1.1
    MILLRACE_ENDPOINT=127.0.0.1:8080 ALIBABA_CLOUD_ACCESS_KEY_ID=... ALIBABA_CLOUD_ACCESS_KEY_SECRET=... python loop.py

MILLRACE_PROTOCOL=https also uploads a file, which the SDKs send to https://millrace.<MILLRACE_UPLOAD_ENDPOINT of the server>/. A certificate of one's own
is named by MILLRACE_CA. Makes two workspaces, and leaves them to look at. Exits with 0 when all went well.
"""

import asyncio
import io
import json
import os
import sys
import time

from alibabacloud_dataworks_public20200518 import models as m2020
from alibabacloud_dataworks_public20200518.client import Client as Client2020
from alibabacloud_dataworks_public20240518 import models as m2024
from alibabacloud_dataworks_public20240518.client import Client as Client2024
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

endpoint = os.environ.get("MILLRACE_ENDPOINT", "127.0.0.1:8080")
protocol = os.environ.get("MILLRACE_PROTOCOL", "http")
suffix = format(int(time.time()), "x")
business_date = "2026-01-01"
# The same as a time, in the time zone of the server, Asia/Shanghai unless it is told another.
business_time = 1767196800000


def config():
    return Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        endpoint=endpoint,
        protocol=protocol,
        ca=os.environ.get("MILLRACE_CA"),
        region_id="cn-shanghai",
    )


def connect(client_class):
    client = client_class(config())
    # Where the SDK asks for leave to upload a file; these releases take it from nowhere else.
    client._open_platform_endpoint = endpoint
    return client


def until(what, ask, seconds=60):
    """Asks until the answer is something, and gives it."""
    end = time.time() + seconds
    while time.time() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


def same(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r} is not {expected!r}"


def refused(call, code, status):
    """The call must end in the SDK's own exception for errors of the caller."""
    try:
        call()
    except ClientException as error:
        same((error.code, error.status_code), (code, status), "error")
        assert error.request_id, "an error without a request id"
        return error
    raise AssertionError(f"nothing was refused, {code} was expected")


def step(text):
    print(f"  {text}", flush=True)


def spec(name, content):
    node = {
        "name": name,
        "id": name,
        "script": {"path": name, "runtime": {"command": "DIDE_SHELL"}, "content": content},
        "trigger": {"type": "Scheduler", "cron": "00 30 02 * * ?", "cycleType": "Daily"},
        "outputs": {"nodeOutputs": [{"data": f"{name}.out", "artifactType": "NodeOutput"}]},
    }
    return json.dumps({"version": "2.0.0", "kind": "Node", "spec": {"nodes": [node], "dependencies": []}})


def current():
    """2024-05-18: FlowSpec, the pipeline, task instances."""
    client = connect(Client2024)
    created = client.create_project(m2024.CreateProjectRequest(
        name=f"sdk_{suffix}", display_name="Python SDK", description="größer 中文", dev_environment_enabled=False,
        aliyun_resource_tags=[m2024.CreateProjectRequestAliyunResourceTags(key="team", value="a&b=c")],
    )).body
    project_id = created.id
    project = client.get_project(m2024.GetProjectRequest(id=project_id)).body.project
    same((project.name, project.description, project.aliyun_resource_tags[0].value), (f"sdk_{suffix}", "größer 中文", "a&b=c"), "workspace")
    found = asyncio.run(client.get_project_async(m2024.GetProjectRequest(id=project_id))).body.project
    same(found.to_map(), project.to_map(), "workspace, asked for asynchronously")
    step(f"workspace {project_id}")

    node_id = client.create_node(m2024.CreateNodeRequest(project_id=project_id, scene="DATAWORKS_PROJECT", spec=spec("hello", "echo hello ${bizdate}"))).body.id
    node = client.get_node(m2024.GetNodeRequest(project_id=project_id, id=node_id)).body.node
    same(json.loads(node.spec)["spec"]["nodes"][0]["script"]["content"], "echo hello ${bizdate}", "node")
    client.update_node(m2024.UpdateNodeRequest(project_id=project_id, id=node_id, spec=spec("hello", "echo hello from $0; echo done")))
    listed = client.list_nodes(m2024.ListNodesRequest(project_id=project_id, page_size=10)).body.paging_info
    same((int(listed.total_count), listed.nodes[0].id, listed.nodes[0].name), (1, node_id, "hello"), "nodes")
    step(f"node {node_id}")

    run_id = client.create_pipeline_run(m2024.CreatePipelineRunRequest(project_id=project_id, type="Online", object_ids=[node_id], description="first")).body.id
    get_run = lambda: client.get_pipeline_run(m2024.GetPipelineRunRequest(project_id=project_id, id=run_id)).body.pipeline
    stages = [stage.code for stage in get_run().stages]
    for code in stages:
        stage = lambda: next(one for one in get_run().stages if one.code == code)
        if stage().status == "Init":
            client.exec_pipeline_run_stage(m2024.ExecPipelineRunStageRequest(project_id=project_id, id=run_id, code=code))
        ended = until(f"stage {code}", lambda: stage() if stage().status not in ("Init", "Running") else None)
        same(ended.status, "Success", f"stage {code} ({ended.message})")
    same(get_run().status, "Success", "pipeline run")
    items = client.list_pipeline_run_items(m2024.ListPipelineRunItemsRequest(project_id=project_id, pipeline_run_id=run_id)).body.paging_info
    same([item.id for item in items.pipeline_run_items], [node_id], "items")
    step(f"pipeline run {run_id}: {', '.join(stages)}")

    tasks = client.list_tasks(m2024.ListTasksRequest(project_id=project_id, project_env="Prod")).body.paging_info.tasks
    task_id = next(task.id for task in tasks if task.name == "hello")
    operation_id = client.create_workflow_instances(m2024.CreateWorkflowInstancesRequest(
        project_id=project_id, workflow_id=1, name="backfill", type="SupplementData",
        periods=m2024.CreateWorkflowInstancesRequestPeriods(biz_dates=[m2024.CreateWorkflowInstancesRequestPeriodsBizDates(start_biz_date=business_date, end_biz_date=business_date)]),
        default_run_properties=m2024.CreateWorkflowInstancesRequestDefaultRunProperties(mode="ManualSelection", root_task_ids=[task_id], include_task_ids=[task_id]),
    )).body.operation_id
    result = until("instances", lambda: client.get_create_workflow_instances_result(m2024.GetCreateWorkflowInstancesResultRequest(operation_id=operation_id)).body.result)
    workflow_instance = result.workflow_instance_ids[0]

    def ended_instance():
        found = client.list_task_instances(m2024.ListTaskInstancesRequest(project_id=project_id, project_env="Prod", workflow_instance_id=workflow_instance, bizdate=business_time)).body.paging_info.task_instances
        return found[0] if found and found[0].status in ("Success", "Failure") else None

    instance = until("the end of the instance", ended_instance)
    same((instance.status, instance.task_id), ("Success", task_id), "instance")
    same(client.get_task_instance(m2024.GetTaskInstanceRequest(id=instance.id)).body.task_instance.status, "Success", "instance by id")
    log = client.get_task_instance_log(m2024.GetTaskInstanceLogRequest(id=instance.id)).body.task_instance_log
    assert "hello from" in log, log
    step(f"task {task_id}, instance {instance.id}: {instance.status}")

    source = client.create_data_source(m2024.CreateDataSourceRequest(
        project_id=project_id, name="warehouse", type="mysql", connection_properties_mode="UrlMode",
        connection_properties=json.dumps({"envType": "Prod", "host": "127.0.0.1", "port": "3306", "address": [{"host": "127.0.0.1", "port": "3306"}], "database": "shop", "username": "u", "password": "secret"}),
    )).body.id
    sources = client.list_data_sources(m2024.ListDataSourcesRequest(project_id=project_id, types=["mysql"])).body.paging_info
    assert source in [one.id for group in sources.data_sources for one in group.data_source], "the data source is not listed"
    assert "secret" not in json.dumps(sources.to_map()), "a password is shown"
    step(f"data source {source}")

    refused(lambda: client.get_node(m2024.GetNodeRequest(project_id=project_id, id="1")), "Invalid.Node.NotFound", 404)
    refused(lambda: client.get_node(m2024.GetNodeRequest(project_id=project_id)), "MissingParameter", 400)
    refused(lambda: client.create_node(m2024.CreateNodeRequest(project_id=project_id, scene="DATAWORKS_PROJECT", spec="{")), "InvalidParameter", 400)
    stranger = config()
    stranger.access_key_secret = "wrong"
    refused(lambda: Client2024(stranger).get_project(m2024.GetProjectRequest(id=project_id)), "SignatureDoesNotMatch", 400)
    step("errors arrive as ClientException, with code, status and request id")

    if protocol == "https":
        file = io.BytesIO("print('größer')\n".encode())
        resource = json.dumps({"version": "1.1.0", "kind": "Resource", "spec": {"fileResources": [{"name": "tools.py", "script": {"path": "tools.py", "runtime": {"command": "ODPS_PYTHON"}}}]}})
        resource_id = client.create_resource_advance(m2024.CreateResourceAdvanceRequest(project_id=project_id, spec=resource, resource_file_object=file), RuntimeOptions(ca=os.environ.get("MILLRACE_CA"))).body.id
        stored = json.loads(client.get_resource(m2024.GetResourceRequest(project_id=project_id, id=resource_id)).body.resource.spec)
        same(stored["spec"]["fileResources"][0]["script"]["content"], "print('größer')\n", "uploaded file")
        step(f"uploaded resource {resource_id}")
    else:
        step("no upload: the SDKs send files by https only")


def legacy():
    """2020-05-18: files, deployment packages, smoke tests, extensions."""
    client = connect(Client2020)
    project_id = client.create_project(m2020.CreateProjectRequest(project_identifier=f"sdk_old_{suffix}", project_name="Python SDK 2020", project_description="", project_mode=2)).body.data
    client.create_business(m2020.CreateBusinessRequest(project_id=project_id, business_name="sales"))
    file_id = client.create_file(m2020.CreateFileRequest(
        project_id=project_id, file_name="hello_old", file_type=6, content="echo hello from 2020", file_folder_path="业务流程/sales/MaxCompute",
        input_list=f"sdk_old_{suffix}_root", cron_express="00 30 02 * * ?", cycle_type="DAY",
    )).body.data
    step(f"workspace {project_id}, file {file_id}")

    def deployed(deployment_id):
        def ended():
            one = client.get_deployment(m2020.GetDeploymentRequest(project_id=project_id, deployment_id=deployment_id)).body.data.deployment
            return one if one.status != 0 else None

        one = until("deployment", ended)
        same(one.status, 1, f"deployment {deployment_id} ({one.error_message})")

    deployed(client.submit_file(m2020.SubmitFileRequest(project_id=project_id, file_id=file_id, comment="first")).body.data)
    file = client.get_file(m2020.GetFileRequest(project_id=project_id, file_id=file_id)).body.data.file
    same((file.file_name, file.content), ("hello_old", "echo hello from 2020"), "file")
    nodes = client.list_nodes(m2020.ListNodesRequest(project_id=project_id, project_env="PROD", node_name="hello_old")).body.data
    if not nodes.nodes:
        deployed(client.deploy_file(m2020.DeployFileRequest(project_id=project_id, file_id=file_id, comment="first")).body.data)
    step(f"submitted and deployed as node {file.node_id}")

    def run(dag_id):
        def ended():
            found = client.list_instances(m2020.ListInstancesRequest(project_id=project_id, project_env="PROD", dag_id=dag_id)).body.data.instances
            return found[0] if found and found[0].status in ("SUCCESS", "FAILURE") else None

        instance = until("the end of the instance", ended)
        same(instance.status, "SUCCESS", "instance")
        log = client.get_instance_log(m2020.GetInstanceLogRequest(project_env="PROD", instance_id=instance.instance_id)).body.data
        assert "hello from 2020" in log, log
        return instance.instance_id

    smoke = run(client.run_smoke_test(m2020.RunSmokeTestRequest(project_env="PROD", node_id=file.node_id, name="smoke", bizdate=f"{business_date} 00:00:00")).body.data)
    cycle = run(client.run_cycle_dag_nodes(m2020.RunCycleDagNodesRequest(
        project_env="PROD", name="cycle", root_node_id=file.node_id, include_node_ids=str(file.node_id), parallelism=False,
        start_biz_date=f"{business_date} 00:00:00", end_biz_date=f"{business_date} 00:00:00",
    )).body.data[0])
    step(f"instances {smoke} (smoke test) and {cycle} (backfill)")

    # Extensions are registered through Millrace's own product, with the generic call that every SDK has.
    def platform(action, **parameters):
        params = Params(action=action, version="2026-12-01", protocol="HTTPS", pathname="/", method="POST", auth_type="AK", style="RPC", req_body_type="formData", body_type="json")
        return client.call_api(params, OpenApiRequest(body=parameters), RuntimeOptions())["body"]

    code = f"sdk_{suffix}"
    platform("CreateExtension", ExtensionCode=code, ExtensionName=code, BindEventList=json.dumps(["commit-file"]))
    platform("PublishExtension", ExtensionCode=code)
    platform("EnableExtension", ExtensionCode=code, ProjectId=project_id)
    client.update_file(m2020.UpdateFileRequest(project_id=project_id, file_id=file_id, content="echo hello from 2020; echo twice"))
    held = client.submit_file(m2020.SubmitFileRequest(project_id=project_id, file_id=file_id, comment="held")).body.data
    message_id = until("a hold", lambda: platform("ListHolds", ProjectId=project_id)["PagingInfo"]["Holds"])[0]["MessageId"]
    detail = client.get_ideevent_detail(m2020.GetIDEEventDetailRequest(project_id=project_id, message_id=message_id)).body.event_detail
    same((detail.committed_file.file_name, detail.committed_file.content), ("hello_old", "echo hello from 2020; echo twice"), "event detail")
    client.update_ideevent_result(m2020.UpdateIDEEventResultRequest(message_id=message_id, extension_code=code, check_result="OK", check_result_tip="fine"))
    deployed(held)
    platform("DisableExtension", ExtensionCode=code, ProjectId=project_id)
    step("an extension was asked, and its OK let the commit go")

    refused(lambda: client.get_file(m2020.GetFileRequest(project_id=project_id, file_id=1)), "Invalid.File.NotFound", 404)
    if protocol == "https":
        resource = client.create_resource_file_advance(m2020.CreateResourceFileAdvanceRequest(
            project_id=project_id, file_name="old.py", file_type=12, file_folder_path="业务流程/sales/MaxCompute", origin_resource_name="old.py", file_description="",
            register_to_calc_engine=False, resource_file_object=io.BytesIO(b"print(1)\n"),
        ), RuntimeOptions(ca=os.environ.get("MILLRACE_CA"))).body.data
        step(f"uploaded resource file {resource}")


if __name__ == "__main__":
    for part in (current, legacy):
        print(part.__doc__)
        part()
    print("all well")
    sys.exit(0)
