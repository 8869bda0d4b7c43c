import com.aliyuncs.CommonRequest;
import com.aliyuncs.DefaultAcsClient;
import com.aliyuncs.dataworks_public.model.v20200518.CreateBusinessRequest;
import com.aliyuncs.dataworks_public.model.v20200518.CreateFileRequest;
import com.aliyuncs.dataworks_public.model.v20200518.DeployFileRequest;
import com.aliyuncs.dataworks_public.model.v20200518.GetDeploymentRequest;
import com.aliyuncs.dataworks_public.model.v20200518.GetFileRequest;
import com.aliyuncs.dataworks_public.model.v20200518.GetInstanceLogRequest;
import com.aliyuncs.dataworks_public.model.v20200518.ListInstancesRequest;
import com.aliyuncs.dataworks_public.model.v20200518.ListNodesRequest;
import com.aliyuncs.dataworks_public.model.v20200518.RunSmokeTestRequest;
import com.aliyuncs.dataworks_public.model.v20200518.SubmitFileRequest;
import com.aliyuncs.exceptions.ClientException;
import com.aliyuncs.http.HttpClientConfig;
import com.aliyuncs.http.MethodType;
import com.aliyuncs.http.ProtocolType;
import com.aliyuncs.profile.DefaultProfile;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.util.concurrent.Callable;

/**
 * The vendor's classic Java SDK, unmodified, against a running Millrace: create, deploy, run, inspect, in version 2020-05-18.
 *
 * <p>Needs com.aliyun:aliyun-java-sdk-dataworks-public:3.4.23 and com.aliyun:aliyun-java-sdk-core:4.7.6 on the class path. Makes a
 * workspace, and leaves it to look at. Exits with 0 when all went well.
 *
 * <pre>MILLRACE_ENDPOINT=127.0.0.1:8080 ALIBABA_CLOUD_ACCESS_KEY_ID=... ALIBABA_CLOUD_ACCESS_KEY_SECRET=... java -cp ... Loop.java</pre>
 */
public final class Loop {
  private static final String BUSINESS_DATE = "2026-01-01 00:00:00";

  private static DefaultAcsClient client;
  private static long projectId;

  public static void main(String[] arguments) throws Exception {
    client = connect(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
    String suffix = Long.toString(System.currentTimeMillis() / 1000, 36);

    // This release has no call of its own for it; any operation can be called by its name.
    var workspace = new CommonRequest();
    workspace.setSysDomain(endpoint());
    workspace.setSysProtocol(ProtocolType.HTTP);
    workspace.setSysMethod(MethodType.POST);
    workspace.setSysVersion("2020-05-18");
    workspace.setSysAction("CreateProject");
    workspace.putBodyParameter("ProjectIdentifier", "java_" + suffix);
    workspace.putBodyParameter("ProjectName", "Java SDK " + suffix);
    workspace.putBodyParameter("ProjectDescription", "");
    workspace.putBodyParameter("ProjectMode", 2);
    projectId = new Gson().fromJson(client.getCommonResponse(workspace).getData(), JsonObject.class).get("Data").getAsLong();
    System.out.println("  workspace " + projectId);

    var business = new CreateBusinessRequest();
    business.setProjectId(projectId);
    business.setBusinessName("java_" + suffix);
    client.getAcsResponse(business);

    var create = new CreateFileRequest();
    create.setProjectId(projectId);
    create.setFileName("hello_" + suffix);
    create.setFileType(6);
    create.setContent("echo 'größer 中文 a+b&c'");
    create.setFileFolderPath("业务流程/java_" + suffix + "/MaxCompute");
    create.setInputList("java_" + suffix + "_root");
    create.setCronExpress("00 30 02 * * ?");
    create.setCycleType("DAY");
    long fileId = client.getAcsResponse(create).getData();
    System.out.println("  file " + fileId);

    var submit = new SubmitFileRequest();
    submit.setProjectId(projectId);
    submit.setFileId(fileId);
    submit.setComment("first");
    deployed(client.getAcsResponse(submit).getData());
    var get = new GetFileRequest();
    get.setProjectId(projectId);
    get.setFileId(fileId);
    var file = client.getAcsResponse(get).getData().getFile();
    same("echo 'größer 中文 a+b&c'", file.getContent());
    var list = new ListNodesRequest();
    list.setProjectId(projectId);
    list.setProjectEnv("PROD");
    list.setNodeName("hello_" + suffix);
    if (client.getAcsResponse(list).getData().getNodes().isEmpty()) {
      var deploy = new DeployFileRequest();
      deploy.setProjectId(projectId);
      deploy.setFileId(fileId);
      deploy.setComment("first");
      deployed(client.getAcsResponse(deploy).getData());
    }
    same(file.getNodeId(), client.getAcsResponse(list).getData().getNodes().get(0).getNodeId());
    System.out.println("  deployed as node " + file.getNodeId());

    var smoke = new RunSmokeTestRequest();
    smoke.setProjectEnv("PROD");
    smoke.setNodeId(file.getNodeId());
    smoke.setName("smoke");
    smoke.setBizdate(BUSINESS_DATE);
    long dagId = client.getAcsResponse(smoke).getData();
    var instances = new ListInstancesRequest();
    instances.setProjectId(projectId);
    instances.setProjectEnv("PROD");
    instances.setDagId(dagId);
    var instance = until("the end of the instance", () -> {
      var found = client.getAcsResponse(instances).getData().getInstances();
      return !found.isEmpty() && (found.get(0).getStatus().equals("SUCCESS") || found.get(0).getStatus().equals("FAILURE")) ? found.get(0) : null;
    });
    same("SUCCESS", instance.getStatus());
    var log = new GetInstanceLogRequest();
    log.setProjectEnv("PROD");
    log.setInstanceId(instance.getInstanceId());
    String text = client.getAcsResponse(log).getData();
    if (!text.contains("größer 中文 a+b&c")) throw new AssertionError(text);
    System.out.println("  instance " + instance.getInstanceId() + " " + instance.getStatus());

    var none = new GetFileRequest();
    none.setProjectId(projectId);
    none.setFileId(1L);
    refused("Invalid.File.NotFound", () -> client.getAcsResponse(none));
    refused("MissingParameter", () -> client.getAcsResponse(new GetDeploymentRequest()));
    // The SDK compares the text that the server signed with its own, and says so when they are the same.
    var stranger = connect("wrong");
    refused("SDK.InvalidAccessKeySecret", () -> stranger.getAcsResponse(get));
    System.out.println("all well");
  }

  private static DefaultAcsClient connect(String secret) {
    var profile = DefaultProfile.getProfile("cn-shanghai", System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), secret);
    DefaultProfile.addEndpoint("cn-shanghai", "dataworks-public", endpoint());
    var http = HttpClientConfig.getDefault();
    http.setProtocolType(ProtocolType.HTTP);
    profile.setHttpClientConfig(http);
    return new DefaultAcsClient(profile);
  }

  private static String endpoint() {
    return System.getenv().getOrDefault("MILLRACE_ENDPOINT", "127.0.0.1:8080");
  }

  private static void deployed(long deploymentId) throws Exception {
    var request = new GetDeploymentRequest();
    request.setProjectId(projectId);
    request.setDeploymentId(deploymentId);
    var deployment = until("deployment", () -> {
      var found = client.getAcsResponse(request).getData().getDeployment();
      return found.getStatus() == 0 ? null : found;
    });
    same(1, deployment.getStatus());
  }

  private static void refused(String code, Callable<?> call) throws Exception {
    try {
      call.call();
    } catch (ClientException error) {
      same(code, error.getErrCode());
      if (error.getRequestId() == null) throw new AssertionError("an error without a request id");
      return;
    }
    throw new AssertionError("nothing was refused, " + code + " was expected");
  }

  private static void same(Object expected, Object actual) {
    if (!expected.equals(actual)) throw new AssertionError(actual + " is not " + expected);
  }

  private static <Answer> Answer until(String what, Callable<Answer> ask) throws Exception {
    for (long end = System.currentTimeMillis() + 60_000; System.currentTimeMillis() < end; Thread.sleep(200)) {
      Answer answer = ask.call();
      if (answer != null) return answer;
    }
    throw new AssertionError(what + ": not within 60 s");
  }
}
