//! Amazon Connect Global Resiliency: a replica has the id of its source, in another Region of the same account. A limit
//! that is lower on one side is met when traffic moves there. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cell::CellDocument;

/// Limits of an instance by quota key: the quota's name, and the limit.
pub type Limits = BTreeMap<String, (String, f64)>;

/// The same instance in two Regions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    pub account_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    pub instance_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    pub regions: [String; 2],
    /// Limits that were compared.
    pub compared: usize,
    pub lower: Vec<Lower>,
    /// Why they could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A limit that is lower in one of the two Regions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lower {
    pub quota: String,
    pub quota_name: String,
    pub region: String,
    pub limit: f64,
    pub other_region: String,
    pub other_limit: f64,
}

impl Pair {
    /// What tells a finding from every other one.
    #[must_use]
    pub fn key(&self, lower: &Lower) -> String {
        format!("{}/{}/{}/{}", self.account_id, self.instance_id, lower.region, lower.quota)
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.instance_id)
    }

    /// Compares what both sides allow.
    #[must_use]
    pub fn compared(mut self, here: &Limits, there: &Limits) -> Self {
        let [here_region, there_region] = self.regions.clone();
        for (quota, (quota_name, limit)) in here {
            let Some((_, other)) = there.get(quota) else { continue };
            self.compared += 1;
            let (region, limit, other_region, other_limit) = if limit < other {
                (&here_region, *limit, &there_region, *other)
            } else if other < limit {
                (&there_region, *other, &here_region, *limit)
            } else {
                continue;
            };
            self.lower.push(Lower {
                quota: quota.clone(),
                quota_name: quota_name.clone(),
                region: region.clone(),
                limit,
                other_region: other_region.clone(),
                other_limit,
            });
        }
        self
    }
}

/// A Region, and what the instance is called there.
type Place<'a> = (&'a str, Option<&'a str>);

/// Instances that stand in two Regions of one account.
#[must_use]
pub fn find<'a>(documents: impl Iterator<Item = &'a CellDocument>) -> Vec<Pair> {
    let mut places: BTreeMap<(&str, &str), Vec<Place<'_>>> = BTreeMap::new();
    for document in documents {
        for subject in document.seen.iter().flat_map(|seen| &seen.subjects).filter(|s| s.id != "account") {
            let place = (document.target.region.as_str(), subject.alias.as_deref());
            places.entry((&document.target.account_id, &subject.id)).or_default().push(place);
        }
    }
    let mut pairs = Vec::new();
    for ((account_id, instance_id), mut regions) in places {
        regions.sort_unstable();
        regions.dedup_by_key(|(region, _)| *region);
        let Some(((first, alias), others)) = regions.split_first() else { continue };
        pairs.extend(others.iter().map(|(other, its)| Pair {
            account_id: account_id.to_owned(),
            account_name: None,
            instance_id: instance_id.to_owned(),
            alias: alias.or(*its).map(str::to_owned),
            regions: [(*first).to_owned(), (*other).to_owned()],
            compared: 0,
            lower: Vec::new(),
            note: None,
        }));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_side_is_named_whichever_it_is() {
        let limits = |values: &[(&str, f64)]| -> Limits {
            values.iter().map(|(key, limit)| ((*key).to_owned(), (format!("Quota {key}"), *limit))).collect()
        };
        let pair = Pair {
            account_id: "111122223333".to_owned(),
            account_name: None,
            instance_id: "i".to_owned(),
            alias: None,
            regions: ["eu-west-2".to_owned(), "us-east-1".to_owned()],
            compared: 0,
            lower: Vec::new(),
            note: None,
        };
        let pair = pair.compared(
            &limits(&[("a", 100.0), ("b", 10.0), ("c", 5.0), ("only-here", 1.0)]),
            &limits(&[("a", 500.0), ("b", 10.0), ("c", 4.0)]),
        );
        assert_eq!(pair.compared, 3);
        let found: Vec<_> =
            pair.lower.iter().map(|l| (l.quota.as_str(), l.region.as_str(), l.limit, l.other_limit)).collect();
        assert_eq!(found, [("a", "eu-west-2", 100.0, 500.0), ("c", "us-east-1", 4.0, 5.0)]);
        assert_eq!(pair.key(&pair.lower[0]), "111122223333/i/eu-west-2/a");
    }
}
