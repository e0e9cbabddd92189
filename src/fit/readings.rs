//! The rows of an answer, as `check --output json` prints it.

use serde_json::Value;

/// What the judgement needs of a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    pub usage: Option<f64>,
    pub limit: Option<f64>,
    /// The true usage may be higher than the number.
    pub is_lower_bound: bool,
    /// AWS does not raise it, or the limit is the user's own number.
    pub has_no_increase: bool,
    key: String,
    service: String,
}

#[derive(Debug)]
pub struct Readings {
    pub account_id: String,
    pub region: String,
    account: Vec<Row>,
    /// Instances by id, in lower case.
    pub instances: Vec<(String, Vec<Row>)>,
}

impl Readings {
    /// Reads an answer; an error says what was expected.
    pub fn of(json: &Value) -> Result<Self, String> {
        let shape = "expected an answer with rows, as `check --output json` prints it";
        let text = |name: &str| json[name].as_str().map(str::to_owned).ok_or(format!("it has no {name}: {shape}"));
        let (account_id, region) = (text("account_id")?, text("region")?);
        let Some(instances) = json["instances"].as_array() else { return Err(format!("it has no instances: {shape}")) };
        let account = rows(&json["account"]).ok_or(format!("its account has no metrics: {shape}"))?;
        let instances = instances.iter().filter_map(|instance| {
            let id = instance["instance_id"].as_str()?.to_ascii_lowercase();
            Some((id, rows(instance).unwrap_or_default()))
        });
        Ok(Self { account_id, region, account, instances: instances.collect() })
    }

    /// The account's row of a quota.
    #[must_use]
    pub fn of_account<'a>(&'a self, key: &'a str, service: &'a str) -> Option<&'a Row> {
        find(&self.account, key, service).next()
    }

    #[must_use]
    pub fn of_instance<'a>(&'a self, id: &str, key: &'a str, service: &'a str) -> Option<&'a Row> {
        find(&self.instances.iter().find(|(known, _)| known == id)?.1, key, service).next()
    }

    /// Every row of a quota, of the account and of all instances.
    pub fn everywhere<'a>(&'a self, key: &'a str, service: &'a str) -> impl Iterator<Item = &'a Row> {
        let all = std::iter::once(&self.account).chain(self.instances.iter().map(|(_, rows)| rows));
        all.flat_map(move |rows| find(rows, key, service))
    }
}

fn find<'a>(rows: &'a [Row], key: &'a str, service: &'a str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row.key == key && row.service == service)
}

fn rows(subject: &Value) -> Option<Vec<Row>> {
    let rows = subject["metrics"].as_array()?.iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let code = text("quota_code");
        // A row that is not seen has no usage that could be believed, whatever else it holds.
        let is_seen = !matches!(row["status"].as_str(), Some("unknown" | "not_measurable") | None);
        Row {
            usage: row["usage"].as_f64().filter(|_| is_seen),
            limit: row["limit"].as_f64(),
            is_lower_bound: row["bound"] == "lower",
            has_no_increase: row["adjustable"] == false || row["limit_source"] == "override",
            key: if code.starts_with("L-") { code } else { text("quota_name") },
            service: text("service_code"),
        }
    });
    Some(rows.collect())
}
