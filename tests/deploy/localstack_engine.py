"""LocalStack on this machine, without docker. Run by the Python of target/venv-localstack: see deep.py.

Two things of LocalStack's need what is not here, and are replaced:
- A Lambda function runs in a container. Here it is a process under a Lambda Runtime API, which stays for the next
  invocation, as a container does, and whose output goes to its log group.
- DynamoDB is a Java program that is fetched from outside. Here it is the moto that LocalStack has for other services.

And S3 keeps its objects in this engine's own folder, so that two engines never share them.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from localstack import config
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.runtime import main
from localstack.services import providers
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import DockerRuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service, aws_provider
from localstack.services.s3 import provider as s3

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runtime_api import RuntimeApi

#: Where functions measure, and what: LocalStack has none of these but CloudWatch, and no metrics of Connect's there.
MEASURED = os.environ["MEASURED"]
MEASURED_SERVICES = (
    "APPINTEGRATIONS",
    "CLOUDTRAIL",
    "CLOUDWATCH",
    "CONNECT",
    "CONNECTCAMPAIGNSV2",
    "CONNECTCASES",
    "CUSTOMER_PROFILES",
    "QCONNECT",
    "SERVICE_QUOTAS",
)


class ProcessExecutor(RuntimeExecutor):
    """One execution environment: started once, invoked often."""

    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self._runtime = self._process = None
        self._said, self._told = [], 0

    def start(self, env_vars):
        function = self.function_version.config
        environment = {name: str(value) for name, value in env_vars.items()}
        # LocalStack writes it in small letters.
        environment["AWS_LAMBDA_LOG_LEVEL"] = function.logging_config["ApplicationLogLevel"]
        for service in MEASURED_SERVICES:
            environment[f"AWS_ENDPOINT_URL_{service}"] = MEASURED
        self._runtime = RuntimeApi(self.function_version.id.unqualified_arn())
        environment["AWS_LAMBDA_RUNTIME_API"] = self._runtime.__enter__().address
        self._process = subprocess.Popen(
            [function.code.get_unzipped_code_location() / "bootstrap"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self._process.stdout:
            self._said.append(line)

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._runtime.__exit__()

    def invoke(self, payload):
        seconds = self.function_version.config.timeout
        failed, answer = self._runtime.invoke(payload["payload"].encode(), seconds, self._process, payload["invoke-id"])
        return InvocationResult(payload["invoke-id"], answer, failed, self._new_lines())

    def _new_lines(self):
        # What it said before it answered may still be on its way through the pipe.
        time.sleep(0.2)
        said = self._said[self._told :]
        self._told += len(said)
        return "".join(said)

    def get_logs(self):
        return "".join(self._said)

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        """Nothing: the next version may be of the same code."""


DockerRuntimeExecutorPlugin.load = lambda *_: ProcessExecutor
# It keeps a function's LoggingConfig, and logs into the default group all the same.
ExecutionEnvironment.get_log_group_name = lambda self: self.function_version.config.logging_config["LogGroup"]
s3.DEFAULT_S3_TMP_DIR = str(Path(tempfile.gettempdir()) / "s3")


@aws_provider()
def dynamodb():
    return Service.for_provider(DynamodbApi(), dispatch_table_factory=MotoFallbackDispatcher)


providers.dynamodb = dynamodb

if __name__ == "__main__":
    main.main()
