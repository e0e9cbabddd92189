//! CloudFormation templates, in JSON and YAML.

use serde_json::{Map, Value};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::{Yaml, YamlLoader};

use super::changes::Changes;
use super::delta::Delta;
use super::table::plain;

/// A stack that a template nests.
#[derive(Debug, PartialEq, Eq)]
pub struct Nested {
    pub logical_id: String,
    /// The file, relative to the template, where the template says so; a URL has none.
    pub file: Option<String>,
}

const NEW: &str = "a template does not say what its stack already has: all its resources are counted as new";
const CONDITION: &str = "resources with a condition are counted as if it held";

/// Lists and maps within each other. CloudFormation's own functions make a dozen.
const DEEPEST: usize = 100;

/// Adds a template's resources and returns the stacks that it nests. An error says what was expected.
pub fn parse(text: &str, changes: &mut Changes) -> Result<Vec<Nested>, String> {
    let document = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?
    } else {
        yaml(text)?
    };
    let Some(resources) = document["Resources"].as_object() else {
        return Err("it has no Resources: expected a CloudFormation template or `terraform show -json`".to_owned());
    };
    if resources.is_empty() {
        return Err("its Resources are empty: there is nothing to judge".to_owned());
    }
    changes.note(NEW);
    let mut nested = Vec::new();
    for (id, resource) in resources {
        if id.starts_with("Fn::") {
            changes.unread.push(format!("{id}: resources that a loop makes cannot be counted here"));
            continue;
        }
        let Some(kind) = resource["Type"].as_str() else { return Err(format!("resource {id} has no Type")) };
        if resource.get("Condition").is_some() {
            changes.note(CONDITION);
        }
        let properties = &resource["Properties"];
        if kind == "AWS::CloudFormation::Stack" {
            let asset = resource["Metadata"]["aws:asset:path"].as_str();
            let local = properties["TemplateURL"].as_str().filter(|url| !url.contains("://") && !url.contains("${"));
            nested.push(Nested { logical_id: id.clone(), file: asset.or(local).map(str::to_owned) });
        } else if kind.ends_with("::MODULE") || kind == "AWS::CloudFormation::Macro" {
            changes.unread.push(format!("{id} ({kind}): what it stands for is not in the template"));
        } else {
            let value = |name: &str| property(properties, name);
            changes.add_resource(kind, &value, Delta { creates: 1, ..Delta::default() });
        }
    }
    Ok(nested)
}

fn property(values: &Value, name: &str) -> Option<String> {
    let wanted = plain(name);
    let (_, value) = values.as_object()?.iter().find(|(key, _)| plain(key) == wanted)?;
    value.as_str().map(str::to_owned)
}

/// Tags such as `!Ref` are left out: a reference becomes its text, which is no id of an instance.
fn yaml(text: &str) -> Result<Value, String> {
    check(text)?;
    let mut documents = YamlLoader::load_from_str(text).map_err(|error| format!("it is no YAML: {error}"))?;
    if documents.len() != 1 {
        return Err(format!("expected one YAML document, and it has {}", documents.len()));
    }
    Ok(value_of(documents.remove(0)))
}

/// Refuses what would fill the memory or the stack, event by event: whatever loads a document goes as deep as it does.
fn check(text: &str) -> Result<(), String> {
    let mut parser = Parser::new(text.chars());
    let mut depth = 0_usize;
    loop {
        match parser.next_token().map_err(|error| format!("it is no YAML: {error}"))?.0 {
            // A few lines of aliases can stand for more than any memory holds.
            Event::Alias(_) => {
                return Err("it has YAML aliases, which CloudFormation does not take either".to_owned());
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            Event::StreamEnd => return Ok(()),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("it is nested deeper than any template, {DEEPEST} levels"));
        }
    }
}

fn value_of(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Real(text) | Yaml::String(text) => Value::String(text),
        Yaml::Integer(number) => Value::from(number),
        Yaml::Boolean(flag) => Value::Bool(flag),
        Yaml::Array(items) => items.into_iter().map(value_of).collect(),
        Yaml::Hash(hash) => {
            let mut map = Map::new();
            for (key, value) in hash {
                let key = match value_of(key) {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                map.insert(key, value_of(value));
            }
            Value::Object(map)
        }
        Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => Value::Null,
    }
}
