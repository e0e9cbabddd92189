//! The JSON of `terraform show -json`: a plan's resource changes.

use serde_json::Value;

use super::changes::Changes;
use super::delta::Delta;
use super::table::plain;

/// Adds a plan's changes. `json` is the parsed file; an error says what was expected.
pub fn plan(json: &Value, changes: &mut Changes) -> Result<(), String> {
    let version = json["format_version"].as_str().unwrap_or_default();
    if version.split('.').next() != Some("0") && version.split('.').next() != Some("1") {
        return Err(format!("format_version `{version}` is not known: versions 0 and 1 are"));
    }
    if json["errored"] == true {
        return Err("the plan ended with errors and is not whole: mend them and plan again".to_owned());
    }
    let Some(resources) = json["resource_changes"].as_array() else {
        // Terraform leaves the list out of a plan without resources, but a state has none either.
        if json.get("planned_values").is_some() {
            return Ok(());
        }
        return Err(
            "it has no resource_changes: `terraform show -json PLANFILE` prints a plan, without a file the state"
                .to_owned(),
        );
    };
    for resource in resources {
        if resource["mode"] == "data" {
            continue;
        }
        let address = resource["address"].as_str().unwrap_or("?");
        let Some(kind) = resource["type"].as_str() else { return Err(format!("{address} has no type")) };
        let change = &resource["change"];
        let Some(actions) = change["actions"].as_array() else {
            return Err(format!("{address} has no change.actions: the file is not whole"));
        };
        let actions: Vec<&str> = actions.iter().filter_map(Value::as_str).collect();
        let is_replaced = actions == ["create", "delete"];
        if actions.contains(&"delete") {
            let value = |name: &str| property(&change["before"], name);
            changes.add_resource(kind, &value, Delta { deletes: 1, ..Delta::default() });
        }
        if actions.contains(&"create") {
            let value = |name: &str| property(&change["after"], name);
            let creates_first = u64::from(is_replaced);
            changes.add_resource(kind, &value, Delta { creates: 1, creates_first, deletes: 0 });
        }
    }
    if json["complete"] == false {
        changes.unread.push("the plan defers some changes, which it does not list".to_owned());
    }
    Ok(())
}

/// A property's text; what is only known after the plan is carried out is absent.
fn property(values: &Value, name: &str) -> Option<String> {
    let wanted = plain(name);
    let (_, value) = values.as_object()?.iter().find(|(key, _)| plain(key) == wanted)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
