//! What the simulated account holds.

use std::collections::BTreeMap;

use crate::ids::uuid;
use crate::{Alarm, Bucket, Metrics, Quotas, Rates, Table, Throttle, Topic};

/// One account in one Region. All fields are for tests to change, at any time.
#[derive(Clone, Debug)]
pub struct World {
    pub partition: String,
    pub region: String,
    pub account_id: String,
    pub instances: Vec<Instance>,
    pub quotas: Quotas,
    pub metrics: Metrics,
    pub throttle: Throttle,
    pub rates: Rates,
    /// Calls per second that the customer's own programs take from each Connect bucket.
    pub live_traffic: Option<f64>,
    /// Listings of Connect, Service Quotas and CloudWatch return short and empty pages now and then.
    pub short_pages: bool,
    /// Appears in every free-text field of Connect's answers but the instance's alias: names,
    /// usernames, phone numbers, addresses and descriptions. To prove that none of them leaks.
    pub marker: Option<String>,
    pub tables: BTreeMap<String, Table>,
    pub buckets: BTreeMap<String, Bucket>,
    /// By ARN.
    pub topics: BTreeMap<String, Topic>,
    /// CloudWatch's metric alarms, by name.
    pub alarms: BTreeMap<String, Alarm>,
}

impl World {
    /// `us-east-1` of account `111122223333` with the full quota catalogue, and nothing else.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
            account_id: "111122223333".to_owned(),
            instances: Vec::new(),
            quotas: Quotas::default(),
            metrics: Metrics::default(),
            throttle: Throttle::None,
            rates: Rates::default(),
            live_traffic: None,
            short_pages: false,
            marker: None,
            tables: BTreeMap::new(),
            buckets: BTreeMap::new(),
            topics: BTreeMap::new(),
            alarms: BTreeMap::new(),
        }
    }

    /// `n` active instances with a few of everything.
    #[must_use]
    pub fn with_instances(n: usize) -> Self {
        let mut world = Self::empty();
        for number in 1..=u32::try_from(n).unwrap_or(u32::MAX) {
            let mut instance = Instance::new(number, &format!("instance-{number}"));
            for (operation, count) in [
                ("ListUsers", 20),
                ("ListQueues", 5),
                ("ListRoutingProfiles", 3),
                ("ListSecurityProfiles", 4),
                ("ListContactFlows", 12),
                ("ListPrompts", 10),
                ("ListHoursOfOperations", 1),
                ("ListAgentStatuses", 3),
                ("ListLambdaFunctions", 2),
            ] {
                instance.set(operation, count);
            }
            instance.agent_queues = 20;
            instance.phone_numbers = 1;
            world.instances.push(instance);
        }
        world
    }

    /// Adds a topic of this name and returns its ARN.
    pub fn add_topic(&mut self, name: &str) -> String {
        let arn = self.arn("sns", name);
        self.topics.insert(arn.clone(), Topic::default());
        arn
    }

    /// `arn:<partition>:<service>:<region>:<account>:<resource>`
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account_id, .. } = self;
        format!("arn:{partition}:{service}:{region}:{account_id}:{resource}")
    }

    /// The role that every request is taken to come from.
    #[must_use]
    pub fn caller_arn(&self) -> String {
        format!("arn:{}:sts::{}:assumed-role/connect-quota-monitor/monitor", self.partition, self.account_id)
    }

    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }
}

/// One integration association of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Such as `EVENT` or `CASES_DOMAIN`.
    pub kind: String,
    pub arn: String,
}

/// A Connect instance. What it holds is counted, not stored: items are made when they are listed.
#[derive(Clone, Debug)]
pub struct Instance {
    pub id: String,
    pub alias: Option<String>,
    /// `ACTIVE`, `CREATION_IN_PROGRESS` or `CREATION_FAILED`.
    pub status: String,
    /// By operation, under the `List*` name where the same things are also searched for. Lex V2 bots
    /// are under `ListBots`, Lex V1 bots under `ListLexBots`, vocabularies under `SearchVocabularies`
    /// and email addresses under `SearchEmailAddresses`.
    pub counts: BTreeMap<String, u64>,
    pub integrations: Vec<Integration>,
    /// By event source name.
    pub rules: BTreeMap<String, u64>,
    /// Beside the standard queues of `ListQueues`.
    pub agent_queues: u64,
    /// Beside the active flows of `ListContactFlows`.
    pub archived_flows: u64,
    pub phone_numbers: u64,
    /// Claimed to a traffic distribution group of the instance, not to the instance itself.
    pub tdg_phone_numbers: u64,
}

impl Instance {
    /// An active instance that holds nothing. The id follows from the number.
    #[must_use]
    pub fn new(n: u32, alias: &str) -> Self {
        Self {
            id: uuid("instance", "", u64::from(n)),
            alias: Some(alias.to_owned()),
            status: "ACTIVE".to_owned(),
            counts: BTreeMap::new(),
            integrations: Vec::new(),
            rules: BTreeMap::new(),
            agent_queues: 0,
            archived_flows: 0,
            phone_numbers: 0,
            tdg_phone_numbers: 0,
        }
    }

    #[must_use]
    pub fn arn(&self, world: &World) -> String {
        world.arn("connect", &format!("instance/{}", self.id))
    }

    /// Sets how many items an operation lists. A `Search*` that has a `List*` shares its count.
    pub fn set(&mut self, operation: &str, n: u64) -> &mut Self {
        let key = match operation.strip_prefix("Search") {
            Some("Vocabularies" | "EmailAddresses") | None => operation.to_owned(),
            Some(things) => format!("List{things}"),
        };
        self.counts.insert(key, n);
        self
    }

    /// Adds integration associations of a kind, with ARNs of the default world. For others, push to
    /// `integrations`.
    pub fn integrate(&mut self, kind: &str, n: u64) -> &mut Self {
        for _ in 0..n {
            let index = self.integrations.len() as u64;
            let arn = format!("arn:aws:app-integrations:us-east-1:111122223333:{}", uuid(kind, &self.id, index));
            self.integrations.push(Integration { kind: kind.to_owned(), arn });
        }
        self
    }

    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.counts.get(operation).copied().unwrap_or(0)
    }

    /// The traffic distribution group that its extra phone numbers belong to.
    pub(crate) fn traffic_distribution_group(&self, world: &World) -> String {
        world.arn("connect", &format!("traffic-distribution-group/{}", uuid("tdg", &self.id, 0)))
    }
}
