//! What there is before a plan is carried out: the rows of a reading, as far as the judgement needs them.

/// One quota at one place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// The quota's code, or its name where it has none.
    pub key: String,
    /// Service Quotas' code of the service.
    pub service: String,
    /// None where it was not seen.
    pub usage: Option<f64>,
    pub limit: Option<f64>,
    /// The true usage may be higher than the number.
    pub is_lower_bound: bool,
    /// AWS does not raise it, or the limit is the user's own number.
    pub has_no_increase: bool,
}

#[derive(Debug)]
pub struct Readings {
    pub account_id: String,
    pub region: String,
    pub account: Vec<Row>,
    /// Instances by id, in lower case.
    pub instances: Vec<(String, Vec<Row>)>,
}

impl Readings {
    /// The account's row of a quota.
    #[must_use]
    pub fn of_account<'a>(&'a self, key: &'a str, service: &'a str) -> Option<&'a Row> {
        find(&self.account, key, service).next()
    }

    #[must_use]
    pub fn of_instance<'a>(&'a self, id: &str, key: &'a str, service: &'a str) -> Option<&'a Row> {
        find(&self.instances.iter().find(|(known, _)| known == id)?.1, key, service).next()
    }

    /// How many instances have no row of a quota.
    #[must_use]
    pub fn without(&self, key: &str, service: &str) -> usize {
        self.instances.iter().filter(|(_, rows)| find(rows, key, service).next().is_none()).count()
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
