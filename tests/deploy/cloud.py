"""An AWS to deploy into: moto's server, with what its CloudFormation lacks, and with functions that run.

moto creates neither policies of topics, queues and buckets, nor alarms, subscriptions or asynchronous
invocation settings from a template, and leaves out some properties of what it does create. Each is added
here through the service's own API, so that botocore's models check the properties as well.

A function that is invoked runs the `bootstrap` of its deployed package under a Lambda Runtime API, with the
environment that the template gave it. Its calls to Connect, Service Quotas and CloudWatch go to `measured`,
all others to this very cloud. With a `fleet` only those to the hub's stores and channels go to this cloud.

State machines are executed by moto's interpreter of the Amazon States Language.
"""

import io
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import boto3
import botocore.session
from botocore.config import Config
from deploy.runtime_api import RuntimeApi
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction
from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel
from moto.core.config import default_user_config
from moto.dynamodb.models.table import Table
from moto.ec2.models.security_groups import SecurityGroup
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.models import Role
from moto.kms.models import Key
from moto.logs.models import LogGroup
from moto.s3.models import FakeBucket
from moto.server import ThreadedMotoServer
from moto.stepfunctions.models import StateMachine as MotosStateMachine
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


class Cloud:
    """The one cloud of the process: moto keeps its state in module globals."""

    def __init__(self):
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        # Where the interpreter of state machines finds the other services.
        os.environ["MOTO_PORT"] = str(port)
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        #: Where functions measure; none: they fail to.
        self.measured = None
        #: The accounts and Regions of a fleet, and what becomes of an invocation with this payload: `throttled` is
        #: refused by Lambda, `frozen` and `stillborn` stand still until Lambda ends them.
        self.fleet, self.disturbed = None, lambda payload: None
        #: (function name, payload, answer) of each invocation, and its seconds.
        self.invocations, self.seconds = [], []

    def client(self, service, region="us-east-1"):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"max_attempts": 1}),
        )

    def reset(self):
        import requests

        requests.post(f"{self.url}/moto-api/reset", timeout=10)
        self.invocations.clear()
        self.seconds.clear()
        self.fleet, self.disturbed = None, lambda payload: None

    def stop(self):
        self._server.stop()


CLOUD: Cloud | None = None


def start():
    global CLOUD
    CLOUD = Cloud()
    return CLOUD


# ---- Resource types that moto does not create ------------------------------------------------------


class Extra(CloudFormationModel):
    """A resource made by one call. Subclasses say which."""

    TYPE = ""

    def __init__(self, name, properties, region):
        self.name, self.properties, self.region = name, properties, region

    @property
    def physical_resource_id(self):
        return self.name

    @classmethod
    def cloudformation_name_type(cls):
        return ""

    @classmethod
    def cloudformation_type(cls):
        return cls.TYPE

    @classmethod
    def has_cfn_attr(cls, attr):
        return False

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        resource = cls(resource_name, cloudformation_json["Properties"], region_name)
        resource.put()
        return resource

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        resource = cls(original_resource.name, cloudformation_json["Properties"], region_name)
        resource.put()
        return resource

    def delete(self, account_id, region_name):
        self.remove()

    def is_created(self):
        return True

    def put(self):
        raise NotImplementedError

    def remove(self):
        """Most vanish with what they belong to."""


class TopicPolicy(Extra):
    TYPE = "AWS::SNS::TopicPolicy"

    def put(self):
        for topic in self.properties["Topics"]:
            CLOUD.client("sns", self.region).set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(self.properties["PolicyDocument"])
            )


class Subscription(Extra):
    TYPE = "AWS::SNS::Subscription"

    def put(self):
        self.name = CLOUD.client("sns", self.region).subscribe(**self.properties, ReturnSubscriptionArn=True)[
            "SubscriptionArn"
        ]

    def remove(self):
        CLOUD.client("sns", self.region).unsubscribe(SubscriptionArn=self.name)


class QueuePolicy(Extra):
    TYPE = "AWS::SQS::QueuePolicy"

    def put(self):
        for queue in self.properties["Queues"]:
            CLOUD.client("sqs", self.region).set_queue_attributes(
                QueueUrl=queue, Attributes={"Policy": json.dumps(self.properties["PolicyDocument"])}
            )


class BucketPolicy(Extra):
    TYPE = "AWS::S3::BucketPolicy"

    def put(self):
        CLOUD.client("s3", self.region).put_bucket_policy(
            Bucket=self.properties["Bucket"], Policy=json.dumps(self.properties["PolicyDocument"])
        )


class EventInvokeConfig(Extra):
    TYPE = "AWS::Lambda::EventInvokeConfig"

    def put(self):
        CLOUD.client("lambda", self.region).put_function_event_invoke_config(**self.properties)


class Alarm(Extra):
    TYPE = "AWS::CloudWatch::Alarm"

    def put(self):
        CLOUD.client("cloudwatch", self.region).put_metric_alarm(AlarmName=self.name, **self.properties)

    @classmethod
    def has_cfn_attr(cls, attr):
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name):
        (alarm,) = CLOUD.client("cloudwatch", self.region).describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return alarm["AlarmArn"]

    def remove(self):
        CLOUD.client("cloudwatch", self.region).delete_alarms(AlarmNames=[self.name])


class Dashboard(Extra):
    TYPE = "AWS::CloudWatch::Dashboard"

    def put(self):
        CLOUD.client("cloudwatch", self.region).put_dashboard(DashboardName=self.name, **self.properties)

    def remove(self):
        CLOUD.client("cloudwatch", self.region).delete_dashboards(DashboardNames=[self.name])


class Schedule(Extra):
    TYPE = "AWS::Scheduler::Schedule"

    def put(self):
        CLOUD.client("scheduler", self.region).create_schedule(Name=self.name, **self.properties)

    def remove(self):
        CLOUD.client("scheduler", self.region).delete_schedule(Name=self.name)


class StateMachine(Extra):
    """moto makes them where they are not executed."""

    TYPE = "AWS::StepFunctions::StateMachine"

    def put(self):
        client = CLOUD.client("stepfunctions", self.region)
        # moto's grammar takes this number with a point only.
        definition = self.properties["DefinitionString"].replace('Percentage": 100,', 'Percentage": 100.0,')
        if self.name.startswith("arn:"):
            client.update_state_machine(stateMachineArn=self.name, definition=definition)
            return
        more = {"type": self.properties["StateMachineType"], "roleArn": self.properties["RoleArn"]}
        self.name = client.create_state_machine(name=self.name, definition=definition, **more)["stateMachineArn"]

    @classmethod
    def has_cfn_attr(cls, attr):
        return attr in ("Arn", "Name")

    def get_cfn_attribute(self, attribute_name):
        return self.name.split(":")[-1] if attribute_name == "Name" else self.name

    def remove(self):
        CLOUD.client("stepfunctions", self.region).delete_state_machine(stateMachineArn=self.name)


# ---- Properties that moto leaves out ---------------------------------------------------------------


def _after(model, name, more):
    """Lets `more(resource, properties, region)` follow the creation or update of a resource."""
    original = getattr(model, name).__func__

    def wrapped(cls, *args, **kwargs):
        resource = original(cls, *args, **kwargs)
        region = kwargs.get("region_name") or args[3]
        template = kwargs.get("cloudformation_json") or args[1]
        more(resource, template["Properties"], region)
        return resource

    setattr(model, name, classmethod(wrapped))


def _table(table, properties, region):
    client = CLOUD.client("dynamodb", region)
    if encryption := properties.get("SSESpecification"):
        table.sse_specification["Enabled"] = encryption["SSEEnabled"]
    client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=properties["TimeToLiveSpecification"])
    client.update_continuous_backups(
        TableName=table.name, PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"]
    )


def _bucket(bucket, properties, region):
    client = CLOUD.client("s3", region)
    client.put_public_access_block(
        Bucket=bucket.name, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"]
    )
    client.put_bucket_ownership_controls(Bucket=bucket.name, OwnershipControls=properties["OwnershipControls"])
    rules = []
    for rule in properties["LifecycleConfiguration"]["Rules"]:
        rule = dict(rule)
        rule |= dict(ID=rule.pop("Id"), Filter={"Prefix": rule.pop("Prefix", "")})
        if days := rule.pop("ExpirationInDays", None):
            rule["Expiration"] = {"Days": int(days)}
        rules.append(rule)
    client.put_bucket_lifecycle_configuration(Bucket=bucket.name, LifecycleConfiguration={"Rules": rules})


def _function(function, properties, region):
    function.architectures = properties["Architectures"]
    function.tracing_config = properties["TracingConfig"]
    function.kms_key_arn = properties.get("KmsKeyArn")
    function.logging_config = properties["LoggingConfig"]


def _update_role(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    original_resource.policies.clear()
    for policy in cloudformation_json["Properties"].get("Policies", []):
        original_resource.put_policy(policy["PolicyName"], policy["PolicyDocument"])
    return original_resource


def _log_group(group, properties, region):
    group.kms_key_id = properties.get("KmsKeyId")


def _key(key, properties, region):
    key.policy = json.dumps(properties["KeyPolicy"])


def _security_group(group, properties, region):
    """Egress rules of a template replace the one that allows everything."""
    client = CLOUD.client("ec2", region)
    client.revoke_security_group_egress(
        GroupId=group.id, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    for rule in properties["SecurityGroupEgress"]:
        ranges = [{"CidrIp": rule["CidrIp"], "Description": rule["Description"]}]
        ports = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort")}
        client.authorize_security_group_egress(GroupId=group.id, IpPermissions=[{**ports, "IpRanges": ranges}])


_after(SecurityGroup, "create_from_cloudformation_json", _security_group)
_after(Key, "create_from_cloudformation_json", _key)
_after(LogGroup, "create_from_cloudformation_json", _log_group)
_after(Table, "create_from_cloudformation_json", _table)
_after(FakeBucket, "create_from_cloudformation_json", _bucket)
_after(LambdaFunction, "create_from_cloudformation_json", _function)
_after(LambdaFunction, "update_from_cloudformation_json", _function)
Role.update_from_cloudformation_json = classmethod(_update_role)

_clean_json = parsing.clean_json


def _without_no_value(value, resources):
    """AWS::NoValue takes an item out of a list; moto leaves a null."""
    cleaned = _clean_json(value, resources)
    return [item for item in cleaned if item is not None] if isinstance(value, list) else cleaned


parsing.clean_json = _without_no_value

#: moto knows Retain only. What differs is a creation that fails, and none does here.
RETAIN = ("Retain", "RetainExceptOnCreate")

_delete_resources = parsing.ResourceMap.delete


def _delete_but_retained(resource_map):
    for resource in resource_map._resource_json_map.values():
        if resource.get("DeletionPolicy") in RETAIN:
            resource["DeletionPolicy"] = "Retain"
    _delete_resources(resource_map)


parsing.ResourceMap.delete = _delete_but_retained

_delete_stack = CloudFormationBackend.delete_stack


def _delete_or_fail(backend, name_or_stack_id):
    """A stack that cannot be deleted stays, and says so; moto answers with an error and forgets it."""
    stack = next((s for s in backend.stacks.values() if name_or_stack_id in (s.name, s.stack_id)), None)
    try:
        _delete_stack(backend, name_or_stack_id)
    except Exception:
        if stack is None:
            raise
        backend.stacks[stack.stack_id] = stack
        stack.status = "DELETE_FAILED"


CloudFormationBackend.delete_stack = _delete_or_fail


def _delete_empty_bucket(bucket, account_id, region):
    """moto goes on without a word."""
    if len(bucket.keys):
        raise ValueError("The bucket you tried to delete is not empty")
    FakeBucket.delete_from_cloudformation_json(bucket.name, {}, account_id, region)


FakeBucket.delete = _delete_empty_bucket


def _apply(change_set):
    """A change set does what creating or updating a stack does; moto forgets the outputs and parameters."""
    stack = change_set.stack
    if change_set.change_set_type == "UPDATE":
        stack.update(change_set.template, parameters=change_set.parameters)
        return
    stack.template, stack.parameters = change_set.template, change_set.parameters
    stack._parse_template()
    stack.resource_map = stack._create_resource_map()
    stack.output_map = stack._create_output_map()
    stack.create_resources()


ChangeSet.apply = _apply
# AWS makes a change set without changes, which then fails; moto refuses to make it.
CloudFormationResponse._validate_different_update = lambda *_: None

_template_of = CloudFormationResponse._get_stack_from_s3_url


def _template_by_path(self, url):
    """moto takes the host of a URL for a bucket, unless it is called localhost."""
    return _template_of(self, url.replace("127.0.0.1", "localhost"))


CloudFormationResponse._get_stack_from_s3_url = _template_by_path


def _has_parameters(stack, parameters):
    """Defaults are values too."""
    has = stack.resource_map.resolved_parameters
    return all(str(has.get(name)) == str(value) for name, value in parameters.items())


Stack.has_parameters = _has_parameters

_update_resource = parsing.parse_and_update_resource


def _update_or_make(logical_id, resource_json, resources_map, account_id, region_name):
    """A parameter can bring a conditional resource, or take it away; moto updates what is not there."""
    condition = resource_json.get("Condition")
    existing = resources_map._parsed_resources.get(logical_id)
    if condition and not resources_map.lazy_condition_map[condition]:
        if existing is not None and resource_json.get("DeletionPolicy") not in RETAIN:
            resources_map._delete_resource(existing, resource_json)
        return None
    if existing is None:
        return parsing.parse_and_create_resource(logical_id, resource_json, resources_map, account_id, region_name)
    # moto has no update for some types, and answers with nothing.
    return _update_resource(logical_id, resource_json, resources_map, account_id, region_name) or existing


parsing.parse_and_update_resource = _update_or_make

parsing.get_model_list = lambda: [
    *(model for model in CloudFormationModel.__subclasses__() if model is not MotosStateMachine),
    *Extra.__subclasses__(),
]


def _step_functions_own(task):
    """The operation behind a task that calls Step Functions itself; none for other services."""
    if (service := task._get_boto_service_name()) != "stepfunctions":
        return None
    model = botocore.session.get_session().get_service_model(service)
    name = task.resource.api_action
    return model.operation_model(name[0].upper() + name[1:])


def _in_capitals(task, parameters, *_, **__):
    """Tasks state parameters as `StateMachineArn`. moto has the change to `stateMachineArn`, and does not apply it."""
    if operation := _step_functions_own(task):
        task._to_boto_request(parameters, operation.input_shape)


def _back_in_capitals(task, response, *_, **__):
    if operation := _step_functions_own(task):
        task._from_boto_response(response, operation.output_shape)


StateTaskService._normalise_parameters = _in_capitals
StateTaskService._normalise_response = _back_in_capitals

_is_action_permitted = IAMPolicyStatement.is_action_permitted


def _is_action_permitted_over_tls(statement, *args, **kwargs):
    """moto reads no conditions; here every call counts as made over TLS."""
    if statement._statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}:
        return PermissionResult.NEUTRAL
    return _is_action_permitted(statement, *args, **kwargs)


IAMPolicyStatement.is_action_permitted = _is_action_permitted_over_tls


# ---- Functions that run ----------------------------------------------------------------------------


#: Of a fleet's function, these stay in the hub's account.
HUBS_OWN = ("S3", "DYNAMODB", "SNS", "EVENTBRIDGE", "SSM")
MEASURED = ("CONNECT", "SERVICE_QUOTAS", "CLOUDWATCH")

#: Seconds after which a function stands still: when its run has begun, or before.
FROZEN_AFTER = {"frozen": 2, "stillborn": 0}


class TooManyRequests(LambdaClientError):
    code = 429

    def __init__(self):
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


def _freeze(process, after):
    time.sleep(after)
    process.send_signal(signal.SIGSTOP)


_unpacked = {}
_unpacking = threading.Lock()


def _bootstrap(function):
    """The program of a package, unpacked once: one that is being written while others are started is busy for these."""
    with _unpacking:
        if function.code_sha_256 not in _unpacked:
            folder = tempfile.TemporaryDirectory()
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as package:
                bootstrap = Path(package.extract("bootstrap", folder.name))
            bootstrap.chmod(0o755)
            _unpacked[function.code_sha_256] = folder, bootstrap
        return _unpacked[function.code_sha_256][1]


def _invoke(function, body, request_headers, response_headers):
    payload = body if isinstance(body, bytes) else (body or "").encode()
    trouble = CLOUD.disturbed(json.loads(payload or b"null"))
    if trouble == "throttled":
        raise TooManyRequests
    began = time.monotonic()
    bootstrap = _bootstrap(function)
    environment = {
        **CREDENTIALS,
        **{name: str(value) for name, value in function.environment_vars.items()},
        "AWS_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logging_config["LogGroup"],
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "AWS_LAMBDA_LOG_FORMAT": function.logging_config["LogFormat"],
        "AWS_LAMBDA_LOG_LEVEL": function.logging_config["ApplicationLogLevel"],
        "AWS_ENDPOINT_URL": CLOUD.url,
        "PATH": os.environ["PATH"],
    }
    if CLOUD.fleet:
        environment |= {f"AWS_ENDPOINT_URL_{service}": CLOUD.url for service in HUBS_OWN}
        environment["AWS_ENDPOINT_URL"] = CLOUD.fleet
    else:
        for service in MEASURED:
            environment[f"AWS_ENDPOINT_URL_{service}"] = CLOUD.measured or "http://127.0.0.1:9"
    with RuntimeApi() as runtime:
        environment["AWS_LAMBDA_RUNTIME_API"] = runtime.address
        with subprocess.Popen([bootstrap], env=environment, stdout=subprocess.PIPE, text=True) as process:
            # Read along, or the function would wait for room in the pipe.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            if trouble in FROZEN_AFTER:
                threading.Thread(target=_freeze, args=[process, FROZEN_AFTER[trouble]], daemon=True).start()
            try:
                failed, answer = runtime.invoke(payload, function.timeout, process)
            finally:
                process.kill()
    if failed:
        response_headers["x-amz-function-error"] = "Unhandled"
    CLOUD.invocations.append((function.function_name, payload, answer))
    CLOUD.seconds.append(time.monotonic() - began)
    return answer


LambdaFunction.invoke = _invoke
