"""What the monitor is compared with: the usual Python function for the same job.

Six boto3 clients, made once, outside of the handler; every call one after the other, half a second apart,
as Connect's documented rate of 2 per second asks for; the same lists of every instance; one item and one
object per instance; one message where a quota is over its threshold.
"""

import json
import os
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import boto3
from botocore.config import Config

CONFIG = Config(retries={"max_attempts": 8, "mode": "standard"})
connect = boto3.client("connect", config=CONFIG)
quotas = boto3.client("service-quotas", config=CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CONFIG)
dynamodb = boto3.resource("dynamodb", config=CONFIG)
s3 = boto3.client("s3", config=CONFIG)
sns = boto3.client("sns", config=CONFIG)

INTERVAL = 0.5
THRESHOLD = float(os.environ.get("THRESHOLD_PERCENTAGE", "80"))
# Operation, key of its list, largest page, name of the quota, more arguments.
LISTS = [
    ("list_users", "UserSummaryList", 1000, "Users per instance", {}),
    ("list_queues", "QueueSummaryList", 1000, "Queues per instance", {"QueueTypes": ["STANDARD"]}),
    ("list_routing_profiles", "RoutingProfileSummaryList", 1000, "Routing profiles per instance", {}),
    ("list_security_profiles", "SecurityProfileSummaryList", 1000, "Security profiles per instance", {}),
    ("list_user_hierarchy_groups", "UserHierarchyGroupSummaryList", 1000, "User hierarchy groups per instance", {}),
    ("list_quick_connects", "QuickConnectSummaryList", 1000, "Quick connects per instance", {}),
    ("list_hours_of_operations", "HoursOfOperationSummaryList", 1000, "Hours of operation per instance", {}),
    ("list_prompts", "PromptSummaryList", 1000, "Prompts per instance", {}),
    ("list_contact_flows", "ContactFlowSummaryList", 1000, "Contact flows per instance", {}),
    ("list_contact_flow_modules", "ContactFlowModulesSummaryList", 1000, "Modules per instance", {}),
    ("list_agent_statuses", "AgentStatusSummaryList", 1000, "Agent status per instance", {}),
    ("list_predefined_attributes", "PredefinedAttributeSummaryList", 100, "Predefined attributes per instance", {}),
    ("list_lambda_functions", "LambdaFunctions", 25, "AWS Lambda functions per instance", {}),
    ("list_lex_bots", "LexBots", 25, "Amazon Lex bots per instance", {}),
    ("list_bots", "LexBots", 25, "Amazon Lex V2 bot aliases per instance", {"LexVersion": "V2"}),
    ("search_data_tables", "DataTables", 1000, "Data tables per instance", {}),
    ("search_email_addresses", "EmailAddresses", 100, "Email addresses per instance", {}),
    ("search_workspaces", "Workspaces", 500, "Workspaces per instance", {}),
    ("search_notifications", "Notifications", 100, "Notifications per instance", {}),
    ("list_integration_associations", "IntegrationAssociationSummaryList", 100, "Integrations per instance", {}),
    ("list_task_templates", "TaskTemplates", 100, "Task templates per instance", {}),
    ("list_approved_origins", "Origins", 25, "Approved origins per instance", {}),
    ("list_evaluation_forms", "EvaluationFormSummaryList", 100, "Evaluation forms per instance", {}),
    ("search_vocabularies", "VocabularySummaryList", 100, "Vocabularies per instance", {}),
    ("search_routing_profiles", "RoutingProfiles", 500, "Queues per routing profile per instance", {}),
]


def call(operation, **arguments):
    time.sleep(INTERVAL)
    return operation(**arguments)


def paged(operation, key, **arguments):
    items = []
    while True:
        answer = call(operation, **arguments)
        items += answer.get(key, [])
        token = answer.get("NextToken")
        if not token:
            return items
        arguments["NextToken"] = token


def limits():
    """Name of each quota and its value: the default, or the one applied to the account."""
    values = {}
    for listing in ("list_aws_default_service_quotas", "list_service_quotas"):
        for page in quotas.get_paginator(listing).paginate(ServiceCode="connect"):
            values.update({quota["QuotaName"]: quota["Value"] for quota in page["Quotas"]})
    return values


def concurrent_calls(instance):
    now = datetime.now(timezone.utc)
    dimensions = [
        {"Name": "InstanceId", "Value": instance["Id"]},
        {"Name": "MetricGroup", "Value": "VoiceCalls"},
    ]
    metric = {"Namespace": "AWS/Connect", "MetricName": "ConcurrentCalls", "Dimensions": dimensions}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "calls", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
    )
    return max(answer["MetricDataResults"][0]["Values"], default=0)


def measure(instance, values):
    rows = []
    for operation, key, size, name, arguments in LISTS:
        items = paged(getattr(connect, operation), key, InstanceId=instance["Id"], MaxResults=size, **arguments)
        rows.append((name, len(items)))
    rows.append(("Concurrent active calls per instance", concurrent_calls(instance)))
    metrics = []
    for name, usage in rows:
        limit = values.get(name)
        used = round(usage / limit * 100, 1) if limit else 0.0
        metrics.append({"quota_name": name, "usage": usage, "limit": limit, "utilization": used})
    return metrics


def store(instance, now, metrics):
    document = {"subject": instance["Id"], "instance_id": instance["Id"], "timestamp": now, "metrics": metrics}
    item = json.loads(json.dumps(document), parse_float=Decimal)
    dynamodb.Table(os.environ["DYNAMODB_TABLE"]).put_item(Item=item)
    key = f"python/{instance['Id']}-{now}.json"
    s3.put_object(Bucket=os.environ["S3_BUCKET"], Key=key, Body=json.dumps(document).encode())


def handler(_event, _context):
    now = datetime.now(timezone.utc).isoformat()
    instances = paged(connect.list_instances, "InstanceSummaryList", MaxResults=10)
    values = limits()
    paged(connect.list_phone_numbers_v2, "ListPhoneNumbersSummaryList", MaxResults=1000)
    found = 0
    for instance in instances:
        metrics = measure(instance, values)
        store(instance, now, metrics)
        violations = [m for m in metrics if m["utilization"] >= THRESHOLD]
        if violations:
            lines = [f"{m['quota_name']}: {m['usage']}/{m['limit']} ({m['utilization']}%)" for m in violations]
            subject = f"Connect Quota Alert - Instance: {instance['InstanceAlias']}"
            sns.publish(TopicArn=os.environ["ALERT_SNS_TOPIC_ARN"], Subject=subject, Message="\n".join(lines))
        found += len(violations)
    return {"instances": len(instances), "violations": found}
