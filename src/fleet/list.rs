//! The accounts and Regions of a fleet as a person lists them. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::target::{self, Target, is_name};

/// Cells that one hub measures.
pub const MOST_CELLS: usize = 10_000;
/// Problems that a message names.
const NAMED: usize = 20;

/// An account of the fleet, and the Regions that were given for it; none: those that are configured, or enabled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    pub account_name: Option<String>,
    pub ou: Option<String>,
    pub owner: Option<String>,
    pub regions: Vec<String>,
}

/// Accounts by id: an account that is named twice is one.
pub type Accounts = BTreeMap<String, Listed>;

/// Collects accounts, and what is wrong with what was given.
#[derive(Debug, Default)]
struct Reading {
    accounts: Accounts,
    problems: Vec<String>,
    left_out: usize,
}

impl Reading {
    fn problem(&mut self, text: String) {
        if self.problems.len() < NAMED { self.problems.push(text) } else { self.left_out += 1 }
    }

    fn add(&mut self, place: &str, account_id: &str, regions: &[&str], named: Listed) {
        let mut is_good = true;
        if let Err(why) = target::account_id(account_id) {
            self.problem(format!("{place}: the account is {why}"));
            is_good = false;
        }
        for region in regions {
            if let Err(why) = target::region(region) {
                self.problem(format!("{place}: the Region is {why}"));
                is_good = false;
            }
        }
        for (what, text) in [("name", &named.account_name), ("ou", &named.ou), ("owner", &named.owner)] {
            if let Some(text) = text.as_deref().filter(|text| !is_name(text)) {
                self.problem(format!(
                    "{place}: the {what} is {text:?}, expected one line of at most {} characters",
                    target::LONGEST_NAME
                ));
                is_good = false;
            }
        }
        if !is_good {
            return;
        }
        let is_new = !self.accounts.contains_key(account_id);
        let known = self.accounts.entry(account_id.to_owned()).or_default();
        known.account_name = known.account_name.take().or(named.account_name);
        known.ou = known.ou.take().or(named.ou);
        known.owner = known.owner.take().or(named.owner);
        // A line without a Region means all of them, whatever other lines say.
        if regions.is_empty() || (!is_new && known.regions.is_empty()) {
            known.regions.clear();
        } else {
            let new: Vec<String> =
                regions.iter().map(|r| (*r).to_owned()).filter(|r| !known.regions.contains(r)).collect();
            known.regions.extend(new);
        }
    }

    fn finish(mut self) -> Result<Accounts, String> {
        if self.left_out > 0 {
            self.problems.push(format!("and {} more", self.left_out));
        }
        if !self.problems.is_empty() {
            return Err(self.problems.join("; "));
        }
        let cells: usize = self.accounts.values().map(|listed| listed.regions.len().max(1)).sum();
        if cells > MOST_CELLS {
            return Err(format!("it names {cells} cells, and one hub measures at most {MOST_CELLS}: use several hubs"));
        }
        if self.accounts.is_empty() {
            return Err("it names no account".to_owned());
        }
        Ok(self.accounts)
    }
}

/// Reads `fleet/accounts.txt`: one account in a line, with commas between its id, a Region (or several with spaces
/// between), its name and its owner; all but the id may be left out. `#` begins a remark.
///
/// # Errors
/// Every bad line by its number, up to twenty; an empty list; too many cells.
pub fn text(text: &str) -> Result<Accounts, String> {
    let mut reading = Reading::default();
    for (n, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let place = format!("line {}", n + 1);
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        if fields.len() > 4 {
            reading.problem(format!(
                "{place}: {} fields, expected at most 4: account, Regions, name, owner",
                fields.len()
            ));
            continue;
        }
        let field = |n: usize| fields.get(n).filter(|text| !text.is_empty()).map(|text| (*text).to_owned());
        let regions: Vec<&str> = fields.get(1).map(|text| text.split_whitespace().collect()).unwrap_or_default();
        let named = Listed { account_name: field(2), owner: field(3), ..Listed::default() };
        reading.add(&place, fields[0], &regions, named);
    }
    reading.finish()
}

/// Reads `fleet/accounts.json`: a list of account ids, or of objects with `account_id` and, if wanted, `region` or
/// `regions`, `account_name`, `ou` and `owner`.
///
/// # Errors
/// As [`text`], by the entry's place.
pub fn json(text: &str) -> Result<Accounts, String> {
    let value: Value =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|e| format!("it is no JSON: {e}"))?;
    let Some(entries) = value.as_array() else {
        return Err("it is no list: expected [\"111122223333\", ...]".to_owned());
    };
    let mut reading = Reading::default();
    for (n, entry) in entries.iter().enumerate() {
        let place = format!("entry {}", n + 1);
        match entry {
            Value::String(id) => reading.add(&place, id, &[], Listed::default()),
            Value::Object(fields) => {
                let mut listed = Listed::default();
                let (mut id, mut regions, mut is_good) = ("", Vec::new(), true);
                for (name, value) in fields {
                    match (name.as_str(), value.as_str(), value.as_array()) {
                        ("account_id", Some(text), _) => id = text,
                        ("region", Some(text), _) => regions.push(text),
                        ("regions", _, Some(list)) if list.iter().all(Value::is_string) => {
                            regions.extend(list.iter().filter_map(Value::as_str));
                        }
                        ("account_name", Some(text), _) => listed.account_name = Some(text.to_owned()),
                        ("ou", Some(text), _) => listed.ou = Some(text.to_owned()),
                        ("owner", Some(text), _) => listed.owner = Some(text.to_owned()),
                        ("account_id" | "region" | "regions" | "account_name" | "ou" | "owner", ..) => {
                            reading.problem(format!("{place}: `{name}` is {value}, expected text"));
                            is_good = false;
                        }
                        _ => {
                            let known = "account_id, region, regions, account_name, ou, owner";
                            reading.problem(format!("{place}: unknown field `{name}`, known ones are {known}"));
                            is_good = false;
                        }
                    }
                }
                if is_good {
                    reading.add(&place, id, &regions, listed);
                }
            }
            other => reading.problem(format!("{place} is {other}, expected an account id as text, or an object")),
        }
    }
    reading.finish()
}

/// The cells of an account in these Regions.
#[must_use]
pub fn target(account_id: &str, listed: &Listed, region: &str) -> Target {
    Target {
        account_name: listed.account_name.clone(),
        ou: listed.ou.clone(),
        owner: listed.owner.clone(),
        ..Target::new(account_id, region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_an_account_that_is_named_twice_is_one() {
        let list = "# ours\n111122223333\n222233334444, eu-west-2 us-east-1, Acme prod, team-a\n\n222233334444,eu-west-2\n\
                    333344445555,eu-west-2 # one\n333344445555\n";
        let accounts = text(list).unwrap();
        assert_eq!(accounts.len(), 3);
        assert_eq!(accounts["222233334444"].regions, ["eu-west-2", "us-east-1"]);
        assert_eq!(accounts["222233334444"].account_name.as_deref(), Some("Acme prod"));
        assert_eq!(accounts["222233334444"].owner.as_deref(), Some("team-a"));
        assert!(accounts["333344445555"].regions.is_empty(), "a line without a Region means all");
        let same = json(
            r#"["111122223333", {"account_id": "222233334444", "regions": ["eu-west-2", "us-east-1"],
                "account_name": "Acme prod", "owner": "team-a"}, {"account_id": "333344445555"},
                {"account_id": "333344445555", "region": "eu-west-2"}]"#,
        );
        assert_eq!(same.unwrap(), accounts);
    }

    #[test]
    fn every_bad_line_is_named() {
        let why = text("11112222333\n111122223333,Frankfurt\n111122223333,eu-west-2,a,b,c\n").unwrap_err();
        for part in [
            "line 1: the account is \"11112222333\" (11 characters)",
            "line 2: the Region is \"Frankfurt\"",
            "line 3: 5 fields",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        let many = "1\n".repeat(30);
        assert!(text(&many).unwrap_err().ends_with("and 10 more"));
        for (bad, part) in [
            ("{}", "no list"),
            ("[", "no JSON"),
            ("[1]", "entry 1 is 1"),
            (r#"[{"account_id": 1}]"#, "`account_id` is 1"),
            (r#"[{"id": "111122223333"}]"#, "unknown field `id`"),
            ("[]", "names no account"),
        ] {
            assert!(json(bad).unwrap_err().contains(part), "{bad}");
        }
        assert_eq!(text("# nothing\n").unwrap_err(), "it names no account");
    }

    #[test]
    fn a_hundred_thousand_lines_are_one_cell_each_time_they_say_the_same_and_too_many_otherwise() {
        let same = "111122223333,eu-west-2\n".repeat(100_000);
        assert_eq!(text(&same).unwrap().len(), 1);
        let many: Vec<String> = (0..100_000).map(|n| format!("{n:012}")).collect();
        let many = many.join("\n");
        assert_eq!(
            text(&many).unwrap_err(),
            "it names 100000 cells, and one hub measures at most 10000: use several hubs"
        );
    }
}
