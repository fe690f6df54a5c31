"""Checks the permissions of the functions in template.yaml and its nested templates.

The templates are expanded as SAM does on deployment, so that SAM's own additions
are checked too. The script prints each role's permissions, and fails if

- an action or resource contains a `*`;
- a policy is managed, or is not part of a role;
- two functions share a role;
- a function may use the whole directory, and not only certain items;
- a function may use a resource that its environment does not name, except for its
  log group and the queue that invokes it.

There are two exceptions. Actions in EVERYWHERE have `*` as their resource. The ARN
of a log group, which is not written out in a template, ends in `:*`, which stands
for the group's streams.
"""

import copy
import json
import logging
import os
import pathlib
import re
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # samtranslator requires a region.

from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402

# Silences a warning about its telemetry, which is not sent from here.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = pathlib.Path(__file__).resolve().parents[2]

# AWS supports only `*` as the resource of these actions.
EVERYWHERE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
# Lambda's actions, under the function's role, on the queue that invokes it.
RECEIVING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# Lambda's actions on the function's log group.
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}

# We treat an intrinsic function that we cannot resolve as a wildcard.
UNREADABLE = "* by"


def main():
    faults = prove_itself()
    for path in templates(ROOT / "template.yaml"):
        resources = expand(path)
        allowed, found = examine(resources)
        print(f"{path.relative_to(ROOT)}{'' if allowed else ': no roles'}")
        for name, grants in allowed.items():
            show(name, grants)
        faults += [f"{path.relative_to(ROOT)}: {fault}" for fault in found]
    for fault in faults:
        print(f"policies: {fault}", file=sys.stderr)
    print(f"policies: {len(faults)} faults")
    return 1 if faults else 0


def show(name, grants):
    print(f"  {name}")
    actions = {}
    for action, resource in grants:
        actions.setdefault(resource, []).append(action)
    for resource, allowed in sorted(actions.items()):
        print(f"    {resource:32} {', '.join(sorted(allowed))}")


# ---- Reading ----


def templates(path):
    """Returns the template and its nested templates, recursively."""
    resources = yaml_parse(path.read_text())["Resources"].values()
    nested = [one for one in resources if one["Type"] == "AWS::Serverless::Application"]
    found = [path]
    for one in nested:
        found += templates(path.parent / one["Properties"]["Location"])
    return found


def expand(path):
    """Returns the template's resources as SAM passes them to CloudFormation."""
    template = yaml_parse(path.read_text())
    # SAM requires uploaded artifacts. Their locations are not used here.
    for one in template["Resources"].values():
        if one["Type"] == "AWS::Serverless::Function":
            one["Properties"]["CodeUri"] = "s3://bucket/key"
        if one["Type"] == "AWS::Serverless::Application":
            one["Properties"]["Location"] = "https://s3.amazonaws.com/bucket/key"
    return transform(template, {}, NoManagedPolicies())["Resources"]


class NoManagedPolicies:
    """Replaces SAM's request to AWS for the names of managed policies."""

    def load(self):
        return {}


def listed(value):
    return value if isinstance(value, list) else [value]


def named(value):
    """Returns the resource of a statement as `LogicalName` or `LogicalName/rest`."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return name
        # A secret's ARN is its Id.
        case {"Fn::GetAtt": [str(name), "Arn" | "Id"]}:
            return name
        case {"Fn::GetAtt": str(name)} if name.endswith((".Arn", ".Id")):
            return name.rpartition(".")[0]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", text)
    return f"{UNREADABLE} {json.dumps(value)}"


def references(value):
    """Returns the logical names that a value refers to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": target}:
            return {target[0] if isinstance(target, list) else target.split(".")[0]}
        case {"Fn::Sub": str(text)}:
            return set(re.findall(r"\$\{(\w+)", text))
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
    return set()


# ---- Examining ----


def examine(resources):
    """Returns the permissions of each function, and of each role without a function, as
    pairs of action and resource; and the faults."""
    of_type = {}
    for name, one in resources.items():
        of_type.setdefault(one["Type"], {})[name] = one.get("Properties", {})
    faults = []
    for type_name, found in of_type.items():
        if type_name.startswith("AWS::IAM::") and type_name != "AWS::IAM::Role":
            faults += [f"{name} is an {type_name}: policies must be in a role" for name in found]
    roles = {}
    for name, role in of_type.get("AWS::IAM::Role", {}).items():
        roles[name], found = grants_of(role)
        faults += [f"{name} {fault}" for fault in found]
    users = {}
    for name, function in of_type.get("AWS::Lambda::Function", {}).items():
        role = named(function.get("Role"))
        if role in roles:
            users.setdefault(role, []).append(name)
            sources = of_type.get("AWS::Lambda::EventSourceMapping", {}).values()
            queues = {named(one["EventSourceArn"]) for one in sources if name in references(one["FunctionName"])}
            faults += [f"{name} {fault}" for fault in unneeded(function, roles[role], queues)]
        else:
            faults.append(f"{name} has {role}, which is not a role of this template")
    faults += [f"{role} is shared by {' and '.join(names)}" for role, names in users.items() if len(names) > 1]
    for role, grants in roles.items():
        for action, resource in grants:
            if "*" in action or ("*" in resource and action not in EVERYWHERE):
                faults.append(f"{role} allows {action} on {resource}")
            if resource == "DirectoryTable":
                faults.append(f"{role} allows {action} on all of {resource}")
    return {" and ".join(users.get(role, [])) or role: grants for role, grants in roles.items()}, faults


def grants_of(role):
    """Returns the pairs of action and resource that a role's inline policies allow."""
    grants, faults = [], []
    if role.get("ManagedPolicyArns"):
        faults.append(f"has managed policies: {json.dumps(role['ManagedPolicyArns'])}")
    for policy in role.get("Policies", []):
        for statement in listed(policy["PolicyDocument"]["Statement"]):
            if statement["Effect"] == "Deny":
                continue
            strange = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
            if strange or not {"Action", "Resource"} <= statement.keys():
                faults.append(f"has an unsupported statement: {json.dumps(statement)}")
                continue
            keys = leading_keys(statement)
            on = [on for resource in listed(statement["Resource"]) for on in limited(named(resource), keys)]
            grants += [(str(action), resource) for action in listed(statement["Action"]) for resource in on]
    return grants, faults


def limited(resource, keys):
    """Returns the resource, or its parts with these keys. The `*` of a key is left out."""
    return [f"{resource}/{key.removesuffix('*')}" for key in keys] or [resource]


def leading_keys(statement):
    """Returns the keys, and prefixes of keys before `*`, to which a statement limits its table."""
    match statement.get("Condition"):
        case {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [*patterns]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        } if all(re.fullmatch(r"[a-z]+(#\*)?", pattern) for pattern in patterns):
            return patterns
    return []


def unneeded(function, grants, queues):
    """Yields permissions on resources that the function does not use."""
    environment = references(function.get("Environment", {}))
    log_group = references(function.get("LoggingConfig", {}))
    for action, resource in grants:
        name = resource.split("/")[0]
        if action in RECEIVING:
            needed = name in queues
        elif action in LOGGING:
            needed = name in log_group
        else:
            needed = name in environment or action in EVERYWHERE
        if not needed:
            yield f"may {action} on {resource}, but the template shows no use of it"


# ---- Self-test ----


def prove_itself():
    """Adds each kind of fault to the template and returns those that were not found."""
    whole = expand(ROOT / "template.yaml")
    missed = []
    for what, spoil in SPOILT.items():
        resources = copy.deepcopy(whole)
        before = len(examine(resources)[1])
        spoil(resources)
        if len(examine(resources)[1]) <= before:
            missed.append(f"self-test: did not find {what}")
    return missed


def allow(action, resource, **others):
    def spoil(resources):
        policy = resources["SendRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        policy["Statement"].append({"Effect": "Allow", "Action": action, "Resource": resource, **others})

    return spoil


def limit(key, null="false"):
    """Allows reading the directory's items with these keys."""
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [key]}}
    if null:
        condition["Null"] = {"dynamodb:LeadingKeys": null}
    return allow("dynamodb:GetItem", {"Fn::GetAtt": ["DirectoryTable", "Arn"]}, Condition=condition)


def put(name, key, value):
    def spoil(resources):
        resources[name]["Properties"][key] = value

    return spoil


def add(name, resource):
    def spoil(resources):
        resources[name] = resource

    return spoil


SPOILT = {
    "a * as an action": allow("*", {"Fn::GetAtt": ["MessagesTable", "Arn"]}),
    "a * in an action": allow("dynamodb:*", {"Fn::GetAtt": ["MessagesTable", "Arn"]}),
    "a * as a resource": allow("dynamodb:GetItem", "*"),
    "a * in a resource": allow("dynamodb:Query", {"Fn::Sub": "${MessagesTable.Arn}/index/*"}),
    "an intrinsic function": allow("dynamodb:Query", {"Fn::ImportValue": "Table"}),
    "a queue that the function does not use": allow("sqs:SendMessage", {"Fn::GetAtt": ["CallbacksQueue", "Arn"]}),
    "a queue that does not invoke it": allow("sqs:ReceiveMessage", {"Fn::GetAtt": ["JobsQueue", "Arn"]}),
    "the key of callback secrets": allow("secretsmanager:GetSecretValue", {"Ref": "CallbackSecretsKey"}),
    "another function's log group": allow("logs:PutLogEvents", {"Fn::GetAtt": ["DispatchLogs", "Arn"]}),
    "a secret that the function does not use": allow("secretsmanager:GetSecretValue", {"Ref": "CarrierSecrets"}),
    "a write to all of the directory": allow("dynamodb:UpdateItem", {"Fn::GetAtt": ["DirectoryTable", "Arn"]}),
    "a read of all of the directory": allow("dynamodb:GetItem", {"Fn::GetAtt": ["DirectoryTable", "Arn"]}),
    "a prefix of several kinds of keys": limit("s*"),
    "a limit that a request without keys passes": limit("sender#*", null=None),
    "a managed policy": put("SendRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"]),
    "a shared role": put("SendFunction", "Role", {"Fn::GetAtt": ["DispatchRole", "Arn"]}),
    "a role outside the template": put("SendFunction", "Role", "arn:aws:iam::123456789012:role/admin"),
    "a policy outside a role": add("Extra", {"Type": "AWS::IAM::Policy", "Properties": {}}),
}


if __name__ == "__main__":
    sys.exit(main())
