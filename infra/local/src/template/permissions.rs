//! Permissions: what each function may do, by the role in the template.
//!
//! Supports what the template uses: inline policies of Allow statements, with whole actions and resources (or all
//! resources), and the condition that limits a table's partition keys (`dynamodb:LeadingKeys`). Anything else is an
//! error.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Names, Template, TemplateError, resolve::arn, text};

/// What the functions may do, by the name of the binary.
pub struct Permissions {
    functions: HashMap<String, Vec<Statement>>,
    /// The partition key of each table.
    partition_keys: HashMap<String, String>,
}

struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    /// Each is a whole key, or a prefix before `*`.
    keys: Option<Vec<String>>,
}

/// An action on a resource, as IAM names them.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    pub action: String,
    pub resource: String,
    /// The partition keys of the items. A query or scan names none here.
    pub keys: Vec<String>,
}

impl Permissions {
    /// Reads the roles of the template's functions.
    ///
    /// # Errors
    /// If a role has anything that is not supported.
    pub fn of(template: &Template, names: &Names) -> Result<Self, TemplateError> {
        let roles = template.resources("AWS::IAM::Role");
        let mut functions = HashMap::new();
        for function in template.resources("AWS::Serverless::Function") {
            let role = function.properties.get("Role").and_then(|role| role["Fn::GetAtt"].as_str()).unwrap_or_default();
            let role = role.trim_end_matches(".Arn");
            let Some(role) = roles.iter().find(|one| one.name == role) else {
                return Err(TemplateError::Missing(format!("role of {}", function.name)));
            };
            if role.properties.contains_key("ManagedPolicyArns") {
                return Err(malformed(role.name, "has managed policies"));
            }
            let mut statements = Vec::new();
            for policy in list(role.properties.get("Policies")) {
                for statement in list(Some(&policy["PolicyDocument"]["Statement"])) {
                    statements.push(Statement::read(&names.resolve(statement)?, role.name)?);
                }
            }
            functions.insert(template.binary(function.name)?, statements);
        }
        let tables = template.resources("AWS::DynamoDB::Table");
        let partition_keys = tables.iter().filter_map(|table| {
            let schema = list(table.properties.get("KeySchema"));
            let key = schema.iter().find(|key| key["KeyType"] == "HASH")?["AttributeName"].as_str()?;
            Some((table.name.to_owned(), key.to_owned()))
        });
        Ok(Self { functions, partition_keys: partition_keys.collect() })
    }

    /// Returns the first access of a call that a function's role does not allow. A caller that is no function may do
    /// everything.
    #[must_use]
    pub fn denied(&self, caller: &str, (service, operation): (&str, &str), call: &Value) -> Option<Access> {
        let statements = self.functions.get(caller)?;
        let accesses = match service {
            "dynamodb" => self.accesses_of_tables(operation, call),
            "sqs" => vec![access_of_queue(operation, call)],
            _ => vec![access_of_secret(operation, call)],
        };
        accesses.into_iter().find(|access| !statements.iter().any(|statement| statement.allows(access)))
    }

    fn accesses_of_tables(&self, operation: &str, call: &Value) -> Vec<Access> {
        let by_table = || call["RequestItems"].as_object().into_iter().flatten();
        match operation {
            "BatchGetItem" => by_table()
                .map(|(table, items)| self.access(operation, table, None, list(items.get("Keys")).iter()))
                .collect(),
            "BatchWriteItem" => by_table()
                .map(|(table, writes)| {
                    let written = list(Some(writes)).iter().map(|write| match write.get("PutRequest") {
                        Some(put) => &put["Item"],
                        None => &write["DeleteRequest"]["Key"],
                    });
                    self.access(operation, table, None, written)
                })
                .collect(),
            "TransactWriteItems" | "TransactGetItems" => {
                let steps = list(call.get("TransactItems")).iter().filter_map(Value::as_object).flatten();
                steps.flat_map(|(step, call)| self.accesses_of_tables(&format!("{step}Item"), call)).collect()
            }
            _ => {
                let table = call["TableName"].as_str().unwrap_or_default();
                let item = call.get("Key").or_else(|| call.get("Item"));
                vec![self.access(operation, table, call["IndexName"].as_str(), item.into_iter())]
            }
        }
    }

    fn access<'a>(
        &self,
        operation: &str,
        table: &str,
        index: Option<&str>,
        items: impl Iterator<Item = &'a Value>,
    ) -> Access {
        let index = index.map(|index| format!("/index/{index}")).unwrap_or_default();
        let attribute = self.partition_keys.get(table).map(String::as_str).unwrap_or_default();
        Access {
            action: format!("dynamodb:{operation}"),
            resource: arn("dynamodb", &format!("table/{table}{index}")),
            keys: items.map(|item| text(&item[attribute]["S"])).collect(),
        }
    }
}

fn access_of_queue(operation: &str, call: &Value) -> Access {
    let url = call["QueueUrl"].as_str().unwrap_or_default();
    Access {
        // IAM has no actions for batches.
        action: format!("sqs:{}", operation.trim_end_matches("Batch")),
        resource: arn("sqs", url.rsplit('/').next().unwrap_or_default()),
        keys: Vec::new(),
    }
}

fn access_of_secret(operation: &str, call: &Value) -> Access {
    let id = call["SecretId"].as_str().unwrap_or_default();
    let resource = if id.starts_with("arn:") { id.to_owned() } else { arn("secretsmanager", &format!("secret:{id}")) };
    Access { action: format!("secretsmanager:{operation}"), resource, keys: Vec::new() }
}

impl Statement {
    fn read(statement: &Value, role: &str) -> Result<Self, TemplateError> {
        let texts = |value: &Value| -> Vec<String> {
            if value.is_string() { vec![text(value)] } else { list(Some(value)).iter().map(text).collect() }
        };
        let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
        if statement["Effect"] != "Allow" || actions.is_empty() || resources.is_empty() {
            return Err(malformed(role, "has a statement other than Allow, or without actions or resources"));
        }
        let is_whole = |text: &str| !text.contains(['*', '?']);
        // The ARN of a log group ends in `:*`, for its streams.
        let is_resource = |arn: &String| is_whole(arn.trim_end_matches(":*"));
        let are_resources = resources == ["*"] || resources.iter().all(is_resource);
        if !are_resources || !actions.iter().all(|action| is_whole(action)) {
            return Err(malformed(role, "has a wildcard in an action or resource"));
        }
        let keys = match statement.get("Condition") {
            None => None,
            Some(condition) => {
                Some(leading_keys(condition).ok_or_else(|| malformed(role, "has an unsupported condition"))?)
            }
        };
        Ok(Self { actions, resources, keys })
    }

    fn allows(&self, access: &Access) -> bool {
        let is_key = |key: &String, pattern: &String| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == pattern,
        };
        let may_use = |keys: &Vec<String>| {
            !access.keys.is_empty() && access.keys.iter().all(|key| keys.iter().any(|pattern| is_key(key, pattern)))
        };
        self.actions.contains(&access.action)
            && self.resources.contains(&access.resource)
            && self.keys.as_ref().is_none_or(may_use)
    }
}

/// Returns the patterns of the condition that a request names keys, and only such keys.
fn leading_keys(condition: &Value) -> Option<Vec<String>> {
    const KEYS: &str = "dynamodb:LeadingKeys";
    let all = condition["ForAllValues:StringLike"].as_object().filter(|all| all.len() == 1)?;
    if condition.as_object()?.len() != 2 || condition["Null"] != json!({KEYS: "false"}) {
        return None;
    }
    let patterns: Vec<_> = all.get(KEYS)?.as_array()?.iter().map(text).collect();
    let is_supported = |pattern: &String| !pattern.strip_suffix('*').unwrap_or(pattern).contains(['*', '?']);
    (!patterns.is_empty() && patterns.iter().all(is_supported)).then_some(patterns)
}

fn malformed(role: &str, reason: &str) -> TemplateError {
    TemplateError::Malformed { location: role.to_owned(), reason: reason.to_owned() }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Resources:
  Things: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}}
  Names: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}}
  Jobs: {Type: AWS::SQS::Queue}
  Key: {Type: AWS::SecretsManager::Secret}
  Work:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: work}}
    Properties: {Role: !GetAtt WorkRole.Arn}
  WorkRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:BatchWriteItem, dynamodb:PutItem]
                Resource: !GetAtt Things.Arn
              - {Effect: Allow, Action: dynamodb:Query, Resource: !Sub '${Things.Arn}/index/log'}
              - Effect: Allow
                Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:Scan]
                Resource: !GetAtt Names.Arn
                Condition:
                  ForAllValues:StringLike: {dynamodb:LeadingKeys: ['a#*', b]}
                  'Null': {dynamodb:LeadingKeys: 'false'}
              - {Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Jobs.Arn}
              - {Effect: Allow, Action: secretsmanager:GetSecretValue, Resource: !GetAtt Key.Id}
";

    fn permissions(template: &str) -> Result<Permissions, TemplateError> {
        let template = Template::parse(template).unwrap();
        Permissions::of(&template, &Names::of(&template, &"http://127.0.0.1:3000/".parse().unwrap()))
    }

    fn get(table: &str, key: &str) -> Value {
        json!({"TableName": table, "Key": {"id": {"S": key}}})
    }

    #[test]
    fn call_is_denied_unless_a_statement_allows_all_of_it() {
        let permissions = permissions(TEMPLATE).unwrap();
        let put = |table: &str| json!({"RequestItems": {table: [{"PutRequest": {"Item": {"id": {"S": "x"}}}}]}});
        let batch = |keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|key| json!({"id": {"S": key}})).collect();
            json!({"RequestItems": {"Names": {"Keys": keys}}})
        };
        let transaction =
            |table: &str| json!({"TransactItems": [{"Put": {"TableName": table, "Item": {"id": {"S": "x"}}}}]});
        for (service, operation, call, is_allowed) in [
            ("dynamodb", "GetItem", get("Things", "x"), true),
            ("dynamodb", "UpdateItem", get("Things", "x"), false),
            ("dynamodb", "GetItem", get("Names", "a#1"), true),
            ("dynamodb", "GetItem", get("Names", "b"), true),
            ("dynamodb", "GetItem", get("Names", "b#1"), false),
            ("dynamodb", "GetItem", get("Names", "a"), false),
            ("dynamodb", "GetItem", get("Others", "x"), false),
            ("dynamodb", "BatchGetItem", batch(&["a#1", "b"]), true),
            ("dynamodb", "BatchGetItem", batch(&["a#1", "c"]), false),
            ("dynamodb", "Scan", json!({"TableName": "Names"}), false),
            ("dynamodb", "Query", json!({"TableName": "Things", "IndexName": "log"}), true),
            ("dynamodb", "Query", json!({"TableName": "Things", "IndexName": "wake"}), false),
            ("dynamodb", "Query", json!({"TableName": "Things"}), false),
            ("dynamodb", "BatchWriteItem", put("Things"), true),
            ("dynamodb", "BatchWriteItem", put("Names"), false),
            ("dynamodb", "TransactWriteItems", transaction("Things"), true),
            ("dynamodb", "TransactWriteItems", transaction("Names"), false),
            ("sqs", "SendMessageBatch", json!({"QueueUrl": "http://127.0.0.1:3000/123456789012/Jobs"}), true),
            ("sqs", "ReceiveMessage", json!({"QueueUrl": "http://127.0.0.1:3000/123456789012/Jobs"}), false),
            ("secretsmanager", "GetSecretValue", json!({"SecretId": "Key"}), true),
            ("secretsmanager", "GetSecretValue", json!({"SecretId": arn("secretsmanager", "secret:Key")}), true),
            ("secretsmanager", "GetSecretValue", json!({"SecretId": "Other"}), false),
        ] {
            let denied = permissions.denied("work", (service, operation), &call);
            assert_eq!(denied.is_none(), is_allowed, "{operation} {call}");
            assert_eq!(permissions.denied("operator", (service, operation), &call), None);
        }
    }

    #[test]
    fn unsupported_role_is_an_error() {
        for (from, to) in [
            ("!GetAtt WorkRole.Arn", "!GetAtt OtherRole.Arn"),
            ("Effect: Allow, Action: sqs", "Effect: Deny, Action: sqs"),
            ("ForAllValues:StringLike", "ForAnyValue:StringLike"),
            ("                  'Null': {dynamodb:LeadingKeys: 'false'}\n", ""),
            ("LeadingKeys: ['a#*', b]", "LeadingKeys: b"),
            ("'a#*', b", "'a*#*', b"),
            ("Action: sqs:SendMessage", "Action: 'sqs:*'"),
            ("Action: sqs:SendMessage", "NotAction: sqs:SendMessage"),
            ("Resource: !GetAtt Jobs.Arn", "Resource: 'arn:aws:sqs:*:jobs'"),
            (
                "      Policies:",
                "      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n      Policies:",
            ),
        ] {
            assert!(permissions(&TEMPLATE.replace(from, to)).is_err(), "{to}");
        }
    }
}
