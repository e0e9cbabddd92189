//! What the simulated account holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::uuid;
use crate::{Alarm, Bucket, Bus, Metrics, Parameter, Quotas, Rates, Resource, Rule, Table, Throttle, Topic, Trail};

/// One account in one Region. All fields are for tests to change, at any time.
#[derive(Clone, Debug)]
pub struct World {
    pub partition: String,
    pub region: String,
    pub account_id: String,
    pub instances: Vec<Instance>,
    /// What the companion services hold: by signing name, and then by the operation that lists it for the
    /// account. See [`add`](Self::add).
    pub resources: BTreeMap<&'static str, BTreeMap<&'static str, Vec<Resource>>>,
    /// Services (by signing name) that are not in this Region: there is no such host, which is a closed
    /// connection here, and Service Quotas does not know them.
    pub not_offered: BTreeSet<&'static str>,
    /// Services (by signing name) that the account never signed up for. They refuse each call with
    /// `SubscriptionRequiredException` (403), which no SDK models; for a service that answers
    /// `AccessDeniedException` instead, script that fault.
    pub not_enabled: BTreeSet<&'static str>,
    pub quotas: Quotas,
    pub metrics: Metrics,
    pub throttle: Throttle,
    /// Every answer of Connect and its companion services is counted in `AWS/Usage`, as AWS does, in the minute of
    /// [`Sim::set_clock`](crate::Sim::set_clock). Off where a test puts exact series of its own.
    pub counts_calls: bool,
    pub rates: Rates,
    /// Calls per second that the customer's own programs take from each Connect bucket.
    pub live_traffic: Option<f64>,
    /// Listings of Connect, Service Quotas and CloudWatch return short and empty pages now and then.
    pub short_pages: bool,
    /// Appears in every free-text field of the answers of Connect and its companion services: names,
    /// usernames, phone numbers, addresses, descriptions and tags. To prove that none of them leaks.
    /// Not in the instance's alias, and not in the names of resources that have quotas of their own and
    /// may be named for it: queues, routing profiles, hours of operation, data tables, task templates,
    /// and at the companion services all that something stands below.
    pub marker: Option<String>,
    pub tables: BTreeMap<String, Table>,
    pub buckets: BTreeMap<String, Bucket>,
    /// By ARN.
    pub topics: BTreeMap<String, Topic>,
    /// By name. `default` is there, as in every account.
    pub buses: BTreeMap<String, Bus>,
    /// Of the default bus.
    pub rules: Vec<Rule>,
    /// Parameter Store, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// CloudWatch's metric alarms, by name.
    pub alarms: BTreeMap<String, Alarm>,
    /// CloudTrail's event history.
    pub trail: Trail,
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
            resources: BTreeMap::new(),
            not_offered: BTreeSet::new(),
            not_enabled: BTreeSet::new(),
            quotas: Quotas::default(),
            metrics: Metrics::default(),
            throttle: Throttle::None,
            counts_calls: false,
            rates: Rates::default(),
            live_traffic: None,
            short_pages: false,
            marker: None,
            tables: BTreeMap::new(),
            buckets: BTreeMap::new(),
            topics: BTreeMap::new(),
            buses: BTreeMap::from([("default".to_owned(), Bus::default())]),
            rules: Vec::new(),
            parameters: BTreeMap::new(),
            alarms: BTreeMap::new(),
            trail: Trail::default(),
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
        // A session may be called like the person who opened it.
        let session = self.marker.as_deref().unwrap_or("monitor");
        format!("arn:{}:sts::{}:assumed-role/connect-quota-monitor/{session}", self.partition, self.account_id)
    }

    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }
}

const CHILDREN: [&str; 18] = [
    "ListEvaluationFormVersions",
    "LatestVersion",
    "ParentHoursOfOperations",
    "MaxContacts",
    "ListQueueEmailAddresses",
    "ListQueueQuickConnects",
    "ListUserProficiencies",
    "ListDataTableAttributes",
    "ListDataTableValues",
    "GetTaskTemplate",
    "SearchHoursOfOperationOverrides",
    "ListRoutingProfileQueues",
    "ListRoutingProfileManualAssignmentQueues",
    "MediaConcurrencies",
    "NumberOfAssociatedQueues",
    "NumberOfAssociatedManualAssignmentQueues",
    "NumberOfAssociatedUsers",
    "Primary",
];

/// The member that counts the queues whose pairs an operation lists.
fn queues_of(operation: &str) -> &'static str {
    if operation == "ListRoutingProfileQueues" {
        "NumberOfAssociatedQueues"
    } else {
        "NumberOfAssociatedManualAssignmentQueues"
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
    /// What stands below single items, and what is said of them: by [`set_children`](Self::set_children)'s
    /// name, and then by the item's place in its listing.
    pub children: BTreeMap<&'static str, BTreeMap<u64, u64>>,
    /// By event source name.
    pub rules: BTreeMap<String, u64>,
    /// Beside the standard queues of `ListQueues`.
    pub agent_queues: u64,
    /// Beside the active flows of `ListContactFlows`.
    pub archived_flows: u64,
    /// So many Lex V2 bots share the aliases of `ListBots`; where there is none, each alias has a bot of its own.
    pub lex_v2_bots: Option<u64>,
    pub phone_numbers: u64,
    /// Claimed to a traffic distribution group of the instance, not to the instance itself.
    pub tdg_phone_numbers: u64,
    /// Traffic distribution groups; one at least where these have phone numbers.
    pub traffic_groups: u64,
    /// So many of the rules of an event source have a condition in natural language.
    pub language_rules: BTreeMap<String, u64>,
    /// The Region of the instance that this one is a replica of.
    pub replica_of: Option<String>,
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
            children: BTreeMap::new(),
            rules: BTreeMap::new(),
            agent_queues: 0,
            archived_flows: 0,
            lex_v2_bots: None,
            phone_numbers: 0,
            tdg_phone_numbers: 0,
            traffic_groups: 0,
            language_rules: BTreeMap::new(),
            replica_of: None,
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

    /// Adds an integration association with this ARN, as [`World::arn_of`] makes it.
    pub fn associate(&mut self, kind: &str, arn: &str) -> &mut Self {
        self.integrations.push(Integration { kind: kind.to_owned(), arn: arn.to_owned() });
        self
    }

    /// Sets how many children the item at `index` of its parent's listing has. By the operation that
    /// lists them: `ListQueueEmailAddresses` and `ListQueueQuickConnects` (of a queue),
    /// `ListUserProficiencies` (of a user), `ListDataTableAttributes` and `ListDataTableValues` (of a
    /// table), `GetTaskTemplate` (its fields), `SearchHoursOfOperationOverrides` (of hours). By the
    /// member that counts them: `NumberOfAssociatedQueues`, `NumberOfAssociatedManualAssignmentQueues`
    /// and `NumberOfAssociatedUsers` (of a routing profile), and `Primary` (so many of a table's
    /// attributes are, from the first). `MaxContacts` is the most that a queue takes.
    /// `ListEvaluationFormVersions` are those of an evaluation form; `LatestVersion` is the number of its newest one,
    /// which is the number of versions where it is not set. `ParentHoursOfOperations` are those that hours of operation inherit from. `MediaConcurrencies` are a routing profile's channels, one where
    /// none are set; `ListRoutingProfileQueues` and `ListRoutingProfileManualAssignmentQueues` are its pairs
    /// of queue and channel. Where one of pairs and queues is not set, each queue has one pair, or each
    /// channel of it one.
    ///
    /// # Panics
    /// When the name is none of these.
    pub fn set_children(&mut self, name: &str, index: u64, n: u64) -> &mut Self {
        let known = CHILDREN.iter().find(|known| **known == name);
        let known = known.unwrap_or_else(|| panic!("nothing has children by {name}"));
        self.children.entry(known).or_default().insert(index, n);
        self
    }

    pub(crate) fn children_of(&self, name: &str, index: u64) -> u64 {
        self.children.get(name).and_then(|items| items.get(&index)).copied().unwrap_or(0)
    }

    /// Pairs of queue and channel of a routing profile, by the operation that lists them.
    pub(crate) fn pairs_of(&self, operation: &str, profile: u64) -> u64 {
        let pairs = self.children_of(operation, profile);
        if pairs > 0 { pairs } else { self.children_of(queues_of(operation), profile) }
    }

    /// Queues of a routing profile that have these pairs.
    pub(crate) fn queues_of(&self, operation: &str, profile: u64) -> u64 {
        let queues = self.children_of(queues_of(operation), profile);
        let pairs = self.children_of(operation, profile);
        if queues > 0 { queues } else { pairs.div_ceil(self.channels_of(profile)) }
    }

    /// The number of a form's newest version.
    pub(crate) fn newest_version(&self, form: u64) -> u64 {
        let versions = self.children_of("ListEvaluationFormVersions", form);
        self.children_of("LatestVersion", form).max(versions).max(1)
    }

    pub(crate) fn channels_of(&self, profile: u64) -> u64 {
        self.children_of("MediaConcurrencies", profile).clamp(1, 4)
    }

    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.counts.get(operation).copied().unwrap_or(0)
    }

    pub(crate) fn groups(&self) -> u64 {
        self.traffic_groups.max(u64::from(self.tdg_phone_numbers > 0))
    }

    /// A traffic distribution group. Its extra phone numbers belong to the first one.
    pub(crate) fn traffic_distribution_group(&self, world: &World, group: u64) -> String {
        world.arn("connect", &format!("traffic-distribution-group/{}", uuid("tdg", &self.id, group)))
    }
}
