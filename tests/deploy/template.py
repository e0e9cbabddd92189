"""The template as AWS sees it: with parameters filled in, conditions decided and intrinsics resolved.

What only exists after deployment stands as `<Resource>` (Ref) or `<Resource.Attribute>` (GetAtt).
"""

import itertools
import re

from cfnlint.decode import cfn_yaml
from conftest import ROOT

PSEUDO = {
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "us-gov-west-1",
    "AWS::AccountId": "111122223333",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()
TEMPLATE = cfn_yaml.load(str(ROOT / "template.yaml"))
REQUIRED = {"CodeS3Bucket": "packages", "CodeS3Key": "package.zip"}


class Deployment:
    #: Other templates have classes of their own.
    template, required = TEMPLATE, REQUIRED

    def __init__(self, **parameters):
        unknown = set(parameters) - set(self.template["Parameters"])
        assert not unknown, unknown
        defaults = {name: p["Default"] for name, p in self.template["Parameters"].items() if "Default" in p}
        self.parameters = {name: str(value) for name, value in {**defaults, **self.required, **parameters}.items()}
        self.resources = {
            name: self.resolve(dict(resource))
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    def holds(self, condition):
        return self._decide(self.template["Conditions"][condition])

    def _decide(self, rule):
        ((function, arguments),) = rule.items()
        match function:
            case "Condition":
                return self.holds(arguments)
            case "Fn::Equals":
                left, right = (self.resolve(a) for a in arguments)
                return left == right
            case "Fn::Not":
                return not self._decide(arguments[0])
            case "Fn::And":
                return all(self._decide(a) for a in arguments)
            case "Fn::Or":
                return any(self._decide(a) for a in arguments)
            case "Fn::Contains":
                values, value = (self.resolve(a) for a in arguments)
                return value in values
        raise AssertionError(function)

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        return self._made(name, name)

    def _made(self, resource, text):
        condition = self.template["Resources"][resource].get("Condition")
        assert not condition or self.holds(condition), f"{text} is used, but {resource} is not made"
        return f"<{text}>"

    def resolve(self, value):
        if isinstance(value, list):
            items = (self.resolve(item) for item in value)
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            match function:
                case "Ref":
                    return self._ref(argument)
                case "Fn::GetAtt":
                    path = argument if isinstance(argument, list) else argument.split(".", 1)
                    return self._made(path[0], ".".join(path))
                case "Fn::If":
                    condition, yes, no = argument
                    return self.resolve(yes if self.holds(condition) else no)
                case "Fn::Sub":
                    return self._sub(argument)
                case "Fn::Select":
                    return self.resolve(argument[1])[int(argument[0])]
                case "Fn::Split":
                    return self.resolve(argument[1]).split(argument[0])
                case "Fn::FindInMap":
                    table, *path = (self.resolve(a) for a in argument)
                    found = self.template["Mappings"][table]
                    for key in path:
                        found = found[key]
                    return found
        items = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not NO_VALUE}

    def _sub(self, argument):
        text, own = argument if isinstance(argument, list) else (argument, {})

        def one(match):
            name = match[1]
            if name in own:
                return self.resolve(own[name])
            if "." in name:
                return self.resolve({"Fn::GetAtt": name})
            return str(self._ref(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", one, text)

    @property
    def refused(self):
        """What CloudFormation says of these parameters before it makes anything."""
        return [
            assertion["AssertDescription"]
            for rule in self.template["Rules"].values()
            if "RuleCondition" not in rule or self._decide(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._decide(assertion["Assert"])
        ]

    def of_type(self, kind):
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}

    @property
    def function(self):
        return self.resources["Function"]["Properties"]

    @property
    def statements(self):
        policies = [*self.resources["Role"]["Properties"]["Policies"], *self.of_type("AWS::IAM::Policy").values()]
        return [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]


#: Every switch that adds or takes away something, with its values; the first is the default.
SWITCHES = {
    "UseDynamoDBStorage": ["true", "false"],
    "UseS3Storage": ["false", "true"],
    "RetainData": ["true", "false"],
    "ExistingBucketName": ["", "given-bucket"],
    "ExistingTopicArn": ["", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:given"],
    "NotificationEmail": ["", "a@example.com"],
    "KmsKeyArn": ["", "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/given"],
    "CreateKmsKey": ["false", "true"],
    "VpcId": ["", "vpc-0123456789abcdef0"],
    "ReserveConcurrency": ["false", "true"],
    "EnableTracing": ["false", "true"],
    "EnableMissedRunAlarm": ["true", "false"],
    "EnableApiAlarms": ["false", "true"],
    "AutoRequestIncrease": ["false", "true"],
}


#: Switches that touch nothing but a variable and a grant of their own: each alone and all together will do.
ALONE = {
    "QuotaOverridesParameter": "/connect/quota-overrides",
    "QuotaOverridesObject": "settings/connect/overrides.json",
    "EventsTopicArn": "arn:aws-us-gov:sns:us-gov-west-1:111122223333:events",
    "EventBusName": "ops",
    "TopicKmsKeyArn": "arn:aws-us-gov:kms:us-gov-west-1:222233334444:key/central",
    "PermissionsBoundaryArn": "arn:aws-us-gov:iam::111122223333:policy/boundary",
    "RolePath": "/monitors/",
    "GenesysEventBusName": "aws.partner/genesys.com/cloud/0a-1/main",
}

#: Switches on which no other one depends: they take turns, instead of doubling the number of combinations each.
INDEPENDENT = {
    "ManageApiAlarms": ["false", "true"],
    "ManageInstanceAlarms": ["false", "true"],
    "EnableDashboard": ["true", "false"],
    "WatchThrottling": ["true", "false"],
    "WatchLookup": ["true", "false"],
    "AutoEscalateRequests": ["false", "true"],
    "FailureQueueArn": ["", "none", "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:given"],
}


def every_deployment():
    """All combinations that the template's rules let through."""
    turns = itertools.cycle(itertools.product(*INDEPENDENT.values()))
    for values in itertools.product(*SWITCHES.values()):
        parameters = dict(zip(SWITCHES, values, strict=True)) | dict(zip(INDEPENDENT, next(turns), strict=True))
        if parameters["CreateKmsKey"] == "true" and parameters["KmsKeyArn"]:
            continue
        if parameters["ExistingBucketName"] and parameters["UseS3Storage"] == "false":
            continue
        if parameters["VpcId"]:
            parameters["SubnetIds"] = "subnet-0123456789abcdef0,subnet-0123456789abcdef1"
        yield parameters


def some_deployments():
    """The default, each switch alone, and everything on."""
    yield {}
    for name, (_, *others) in (SWITCHES | INDEPENDENT).items():
        for other in others:
            yield _with_what_it_needs({name: other})
    for name, value in ALONE.items():
        yield _with_what_it_needs({name: value})
    yield EVERYTHING


def _with_what_it_needs(parameters):
    for name in list(parameters):
        if name == "VpcId":
            parameters["SubnetIds"] = "subnet-0123456789abcdef0"
        if name == "GenesysEventBusName":
            parameters["WatchThrottling"] = "true"
        if name == "ExistingBucketName":
            parameters["UseS3Storage"] = "true"
    return parameters


EVERYTHING = {
    "UseDynamoDBStorage": "true",
    "UseS3Storage": "true",
    "NotificationEmail": "a@example.com",
    "CreateKmsKey": "true",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0",
    "EnableTracing": "true",
    "AutoRequestIncrease": "true",
    "AutoEscalateRequests": "true",
    "QuotaOverridesParameter": "/connect/quota-overrides",
    "EventsTopicArn": "arn:aws-us-gov:sns:us-gov-west-1:111122223333:events",
    "EventBusName": "default",
    "ManageApiAlarms": "true",
    "ManageInstanceAlarms": "true",
    "WatchThrottling": "true",
    "GenesysEventBusName": "aws.partner/genesys.com/cloud/0a-1/main",
}
