"""The stack of template.yaml on MiniStack, an AWS emulator that runs the functions'
binaries under the template's roles."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import boto3
import botocore.config
import yaml
from harness import expect, expect_equal, free_port, until
from outside import PROGRAMS, call

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / ".tools/bin"
REGION = "us-east-1"

# MiniStack 1.5.33 rejects a template with a saved log query. We register a handler that ignores it,
# because no test uses it.
MINISTACK = """
from ministack.app import main
from ministack.services.cloudformation import provisioners
provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
    "create": lambda logical_id, *_: (logical_id, {}),
    "delete": lambda *_: None,
}
main()
"""


def environment(endpoint):
    """Returns environment variables for AWS clients of the emulator, without real credentials."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    here = "127.0.0.1,localhost"
    return env | {
        "PATH": f"{BIN}:{env['PATH']}",
        "NO_PROXY": here,
        "no_proxy": here,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }


class MiniStack:
    def __init__(self, processes, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.env = environment(self.url)
        own = {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "LAMBDA_EXECUTOR": "local",
            # Runs functions under their roles, and enforces the roles' policies.
            "AUTH": "true",
            # Off, because they listen on fixed ports.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(folder),
            "S3_DATA_DIR": str(folder / "s3"),
        }
        python = ROOT / ".tools/ministack/bin/python"
        self.process, self.log = processes.start("ministack", [str(python), "-c", MINISTACK], self.env | own)
        until("MiniStack to answer", self._answers, 120)

    def _answers(self):
        expect(self.process.poll() is None, f"MiniStack did not start\n{self.log.read_text(errors='replace')}")
        try:
            return call("GET", f"{self.url}/_ministack/health")[0] == 200
        except OSError:
            return False

    def client(self, service, **credentials):
        names = {"access_key": "test", "secret_key": "test"} | credentials
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=names["access_key"],
            aws_secret_access_key=names["secret_key"],
            config=botocore.config.Config(proxies={}, retries={"max_attempts": 2}),
        )


class Stack:
    def __init__(self, ministack, processes, name):
        self.name = name
        self.ministack = ministack
        self.processes = processes
        self.cloudformation = ministack.client("cloudformation")
        self.dynamodb = ministack.client("dynamodb")
        self.sqs = ministack.client("sqs")
        self.lambda_ = ministack.client("lambda")
        self.logs = ministack.client("logs")
        self.resources = {}
        self.outputs = {}

    # ---- The SAM CLI ----

    def sam(self, name, *arguments):
        return self.processes.run(name, [str(BIN / "sam"), *arguments], self.ministack.env)

    def build_functions(self):
        functions = template_functions().values()
        packages = [f"--package={one['Metadata']['BuildProperties']['Binary']}" for one in functions]
        command = ["cargo", "lambda", "build", "--release", "--locked", *packages]
        return self.processes.run("cargo lambda build", command, self.ministack.env)

    def build_with_stale_lock(self, copy):
        """Runs `sam build` in a copy of the checkout in which Cargo.lock has another version of a crate, and
        returns the ended process."""
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".tools", ".aws-sam", "target", "work"))
        lock = copy / "Cargo.lock"
        text, entry = lock.read_text(), 'name = "shared"\nversion = "0.1.0"'
        expect_equal(text.count(entry), 1, "the entries of shared in Cargo.lock")
        lock.write_text(text.replace(entry, 'name = "shared"\nversion = "0.0.9"'))
        command = [str(BIN / "sam"), "build", "SendFunction"]
        return subprocess.run(command, cwd=copy, env=self.ministack.env, capture_output=True, text=True, check=False)

    def deploy(self, name, **parameters):
        """Runs `sam deploy` after `sam build`, and returns the duration."""
        overrides = [f"ParameterKey={key},ParameterValue={value}" for key, value in parameters.items()]
        took = self.sam(
            name,
            *("deploy", "--stack-name", self.name, "--region", REGION, "--resolve-s3"),
            *("--no-confirm-changeset", "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
            *(("--parameter-overrides", *overrides) if overrides else ()),
        )
        self.look()
        close_the_gaps_of_ministack(self)
        return took

    def delete(self):
        """Deletes the stack as `sam delete` does. We cannot call that, because it also removes the
        uploaded nested template, and fails if its URL is not AWS's S3."""
        self.cloudformation.delete_stack(StackName=self.name)
        self.cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )

    def look(self):
        listed = self.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        self.resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
        self.types = {one["LogicalResourceId"]: one["ResourceType"] for one in listed}
        stack = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        self.status = stack["StackStatus"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    def of_type(self, type_name):
        return {logical: self.resources[logical] for logical, found in self.types.items() if found == type_name}

    # ---- Its parts ----

    @property
    def api(self):
        """The API's URL. MiniStack reads the API's ID from the path; on AWS this is the output ApiUrl."""
        return f"{self.ministack.url}/_aws/execute-api/{self.resources['HttpApi']}"

    def queue(self, logical):
        return self.resources[logical]

    def drain(self, logical):
        """Returns the bodies of the visible messages, which stay in the queue."""
        answer = self.sqs.receive_message(QueueUrl=self.queue(logical), MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", [])]

    def source_of(self, function, queue):
        """Returns the event source mapping from a queue to a function."""
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue(queue), AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        found = self.lambda_.list_event_source_mappings(FunctionName=self.resources[function])["EventSourceMappings"]
        [mapping] = [mapping for mapping in found if mapping["EventSourceArn"] == arn]
        return mapping

    def item(self, table, **key):
        key = {name: {"S": value} for name, value in key.items()}
        return self.dynamodb.get_item(TableName=self.resources[table], Key=key, ConsistentRead=True).get("Item")

    def log_lines(self, since, *groups):
        """Returns the log lines since a time (in seconds), in order of time."""
        lines = []
        for group in groups or self.of_type("AWS::Logs::LogGroup").values():
            events = self.logs.filter_log_events(logGroupName=group, startTime=int(since * 1000)).get("events", [])
            lines += [(event["timestamp"], f"{group}: {event['message'].rstrip()}") for event in events]
        of_lambda_itself = re.compile(r": (START|END|REPORT) RequestId: ")
        return [line for _, line in sorted(lines) if not of_lambda_itself.search(line)]


GAP = "gap-of-ministack"


def close_the_gaps_of_ministack(stack):
    """Works around differences between MiniStack 1.5.33 and AWS:

    - SAM writes an HttpApi's routes into the API's OpenAPI body, which MiniStack
      does not read. We create the routes from the events of template.yaml.
    - A parameter reaches a property as a string, but MiniStack compares an event
      source mapping's MaximumConcurrency as a number, and polls no messages.
    - On AWS sqs:SendMessage allows SendMessageBatch, which is not an action of its
      own. MiniStack requires sqs:SendMessageBatch. We give it to each role for the
      queues to which the role may send messages.
    - MiniStack does not know dynamodb:LeadingKeys, and so denies what a statement
      allows only for certain keys. We allow it for all keys. `local`, which
      follows the roles too, knows the condition.

    An update does not undo this, so we keep existing routes.
    """
    apis = stack.ministack.client("apigatewayv2")
    api = stack.resources["HttpApi"]
    routed = {route["RouteKey"] for route in apis.get_routes(ApiId=api)["Items"]}
    for function, routes in template_routes().items():
        missing = [route for route in routes if route not in routed]
        if not missing:
            continue
        arn = stack.lambda_.get_function(FunctionName=stack.resources[function])["Configuration"]["FunctionArn"]
        integration = apis.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
        )
        for route in missing:
            apis.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration['IntegrationId']}")
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        written = stack.lambda_.get_event_source_mapping(UUID=mapping)["ScalingConfig"]["MaximumConcurrency"]
        stack.lambda_.update_event_source_mapping(UUID=mapping, ScalingConfig={"MaximumConcurrency": int(written)})
    iam = stack.ministack.client("iam")
    for role in stack.of_type("AWS::IAM::Role").values():
        statements = []
        for name in set(iam.list_role_policies(RoleName=role)["PolicyNames"]) - {GAP}:
            for one in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
                if "sqs:SendMessage" in one["Action"]:
                    statements.append({**one, "Action": "sqs:SendMessageBatch"})
                if "Condition" in one:
                    statements.append({key: one[key] for key in ("Effect", "Action", "Resource")})
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=role, PolicyName=GAP, PolicyDocument=document)


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms (such as !Ref) as plain values."""


def _short_form(loader, _suffix, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Template.add_multi_constructor("!", _short_form)


def template():
    return yaml.load((ROOT / "template.yaml").read_text(), _Template)  # noqa: S506 - a SafeLoader


def template_functions():
    resources = template()["Resources"].items()
    return {name: one for name, one in resources if one["Type"] == "AWS::Serverless::Function"}


def template_routes():
    """Returns the routes of each function, as `METHOD /path`."""
    routes = {}
    for name, function in template_functions().items():
        events = function["Properties"].get("Events", {}).values()
        keys = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
        routes[name] = [f"{key['Method']} {key['Path']}" for key in keys]
    return routes


class Admin:
    """The operator's tool, which finds the deployed stack by its outputs."""

    def __init__(self, stack):
        self.stack = stack
        self.command = [str(PROGRAMS / "admin"), "--stack", stack.name, "--json"]

    def __call__(self, *arguments, line=None):
        command, env = [*self.command, *arguments], self.stack.ministack.env
        done = subprocess.run(command, env=env, input=line, capture_output=True, text=True, check=False)
        expect(done.returncode == 0, f"admin {' '.join(arguments[:2])} exited with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)
