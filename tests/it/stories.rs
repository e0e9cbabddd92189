//! Small worlds in which, all together, every operation is called that the product knows of: what runs
//! before, and one invocation in which a test may let something break.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connect_quota_monitor::aws::reference;
use connect_quota_monitor::catalogue::{self, Meter};
use connect_quota_monitor::config::Config;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::Moment;
use connect_quota_monitor::run::error::RunError;
use jiff::Timestamp;
use serde_json::Value;
use simaws::{Alarm, Instance, Parameter, World};

use crate::family::whole;
use crate::harness::{BUCKET, Bench, NOON, sdk};

pub const HOUR: i64 = 3_600;
/// The run of a story is in the hour after noon, and the one after it in the next.
pub const FIRST: i64 = NOON + HOUR;
const OVERRIDES: &str = "/connect/quota-overrides";

/// What is invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Run,
    TestAlert,
    RemoveAlarms,
    /// The start, with this value of `QUOTA_OVERRIDES`.
    Start(&'static str),
}

/// An account as it is when the invocation comes.
pub struct Story {
    pub name: &'static str,
    pub act: Act,
    /// All services are there, and more than one instance.
    pub is_whole: bool,
    world: World,
    pub config: Config,
}

impl Story {
    pub fn has_instances(&self) -> bool {
        !self.world.instances.is_empty()
    }

    /// A new process in the account.
    pub fn bench(&self) -> Bench {
        let mut bench = Bench::new(self.world.clone()).with_config(|c| *c = self.config.clone());
        // Time passes with each call, or a listing without an end would be without an end.
        bench.most_pages = 40;
        bench.latency = Duration::from_millis(20);
        bench
    }

    /// The invocation at this moment.
    pub async fn play(&self, bench: &mut Bench, at: i64) -> Result<Value, RunError> {
        let moment = Moment::within(Timestamp::from_second(at).unwrap(), bench.time);
        match self.act {
            Act::Run => bench.run_at(&Request::default(), at).await,
            Act::TestAlert => bench.app().await.test_alert(moment).await,
            Act::RemoveAlarms => bench.app().await.remove_alarms(false, moment.deadline).await,
            Act::Start(reference) => {
                let lookup = |name: &str| match name {
                    "QUOTA_OVERRIDES" => Some(reference.to_owned()),
                    "AWS_ENDPOINT_URL" => Some("http://aws.test".to_owned()),
                    _ => None,
                };
                let read = reference::configuration(&sdk(&bench.sim, bench.latency).await, lookup).await?;
                Ok(Value::from(read.overrides.warnings(moment.now)))
            }
        }
    }

    /// The operations that the invocation calls when nothing breaks, as service and name.
    pub async fn operations(&self) -> BTreeSet<(&'static str, String)> {
        let mut bench = self.bench();
        self.play(&mut bench, FIRST).await.unwrap_or_else(|e| panic!("{}: {e}", self.name));
        bench.sim.requests().into_iter().map(|request| (request.service, request.operation)).collect()
    }
}

/// Every operation of every story.
pub async fn called(stories: &[Story]) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut called: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for story in stories {
        for (service, operation) in story.operations().await {
            called.entry(service).or_default().insert(operation);
        }
    }
    called
}

pub async fn all() -> Vec<Story> {
    let everything = everything().await;
    let alarms = everything.world.alarms.clone();
    let bare = |name, act, world| Story { name, act, is_whole: false, world, config: Config::default() };
    let mut stories = vec![lone().await, one_by_one().await, everything];
    let (world, config) = all_sinks(World::empty(), Config::default());
    stories.push(Story { name: "an account without instances", act: Act::Run, is_whole: false, world, config });
    let (world, config) = all_sinks(few(1), Config::default());
    stories.push(Story { name: "a test message", act: Act::TestAlert, is_whole: false, world, config });
    // Of which no ARN says whose account it is.
    let mut only_a_bus = bare("a test message for a bus alone", Act::TestAlert, few(1));
    only_a_bus.config.event_bus = Some("default".to_owned());
    stories.push(only_a_bus);
    stories.push(bare("removing the alarms", Act::RemoveAlarms, World { alarms, ..few(1) }));
    for reference in ["ssm:/connect/quota-overrides", "s3://quota-history/overrides.json"] {
        stories.push(bare("a start", Act::Start(reference), with_overrides(few(1))));
    }
    stories
}

const SERVICES: [&str; 6] = ["connect", "cases", "profile", "wisdom", "app-integrations", "connect-campaigns"];

/// Everything that can be switched on, with all services.
async fn everything() -> Story {
    second_hour("everything is on", few(3)).await
}

/// The same for one instance, in an account without the companion services: the fewest calls.
async fn lone() -> Story {
    let mut world = few(2);
    world.not_enabled = SERVICES[1..].iter().copied().collect();
    second_hour("one instance alone", world).await
}

/// The second hour, with everything switched on: there is something to read back, to tell, to ask AWS
/// for, and alarms come and go, as the last instance does.
async fn second_hour(name: &'static str, world: World) -> Story {
    let (world, mut config) = all_sinks(world, Config::default());
    (config.alarms.apis, config.alarms.instances) = (true, true);
    config.auto_request_increase = true;
    config.detail_calls = 1_000;
    let calm = Story { name, act: Act::Run, is_whole: false, world, config: config.clone() };
    let mut bench = calm.bench();
    // Six hours before the run of the story: what is looked at four times a day is due in it.
    calm.play(&mut bench, FIRST - 6 * HOUR).await.unwrap();
    let report = calm.play(&mut bench, NOON).await.unwrap();
    let texts = || bench.mails().into_iter().map(|mail| mail.text).collect::<Vec<_>>().join("\n");
    assert_eq!((&report["complete"], &report["violations"]), (&true.into(), &0.into()), "{}", texts());
    let mut world = bench.sim.world().clone();
    world.instances.pop();
    call(&mut world, "ListQueues", FIRST - 600);
    // Users, prompts, instances, concurrent calls, calls of ListUsers, and some of each other service.
    for (code, limit) in
        [("L-9A46857E", 2.0), ("L-0865B754", 1.0), ("L-AA17A6B9", 1.0), ("L-12AB7C57", 3.0), ("L-CCC38177", 0.1)]
    {
        world.quotas.set_account(code, limit);
    }
    for service in &SERVICES[1..] {
        for code in world.quotas.codes(service).into_iter().take(3) {
            world.quotas.set_account(code, 1.0);
        }
    }
    // Or the values of single instances would be asked for one by one.
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-9A46857E", &arn, 1.0);
    for n in 0..world.instances.len() {
        let id = world.instances[n].id.clone();
        let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
        for at in [FIRST, FIRST + HOUR] {
            world.metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, at - 600, 3.0);
        }
    }
    call(&mut world, "ListUsers", FIRST - 600);
    call(&mut world, "ListUsers", FIRST + HOUR - 600);
    let is_whole = world.not_enabled.is_empty();
    Story { name, act: Act::Run, is_whole, world, config }
}

/// Service Quotas tells the limits of single instances one by one only.
async fn one_by_one() -> Story {
    let (mut world, config) = all_sinks(few(1), Config::default());
    world.not_enabled = SERVICES[1..].iter().copied().collect();
    world.quotas.list_resource_level = false;
    let arns: Vec<String> = world.instances.iter().map(|instance| instance.arn(&world)).collect();
    let mut story = Story { name: "limits are asked one by one", act: Act::Run, is_whole: false, world, config };
    let mut bench = story.bench();
    story.play(&mut bench, NOON).await.unwrap();
    for arn in arns {
        bench.sim.world().quotas.set_instance("L-9A46857E", &arn, 1.0);
    }
    story.world = bench.sim.world().clone();
    story
}

/// Some instances with one of everything, of which Service Quotas lists what is measured, without most
/// of the API rates.
fn few(instances: usize) -> World {
    let mut world = whole();
    let rates = ["L-CCC38177", "L-22922690"];
    let measured = |code: &str| {
        catalogue::all().any(|q| q.code == code && !matches!(q.meter, Meter::Rate | Meter::NotMeasurable(_)))
    };
    for service in SERVICES {
        for code in world.quotas.codes(service) {
            if measured(code) || rates.contains(&code) {
                world.quotas.set_account(code, 100.0);
            } else {
                world.quotas.remove(code);
            }
        }
    }
    for number in 2..=u32::try_from(instances).unwrap() {
        let first = world.instances[0].clone();
        let other = Instance::new(number, &format!("instance-{number}"));
        world.instances.push(Instance { id: other.id, alias: other.alias, integrations: Vec::new(), ..first });
    }
    let domain = world.arn_of("cases", "ListDomains", 0);
    world.instances[0].associate("CASES_DOMAIN", &domain);
    call(&mut world, "ListUsers", NOON - 600);
    world
}

fn call(world: &mut World, operation: &str, at: i64) {
    let dimensions = [("Type", "API"), ("Resource", operation), ("Service", "Connect"), ("Class", "None")];
    world.metrics.put("AWS/Usage", "CallCount", &dimensions, at, 6.0);
}

fn all_sinks(world: World, config: Config) -> (World, Config) {
    let bench = Bench::new(world).with_config(|c| *c = config);
    let bench = bench.with_table().with_bucket().with_topic().with_events_topic().with_bus();
    let world = bench.sim.world().clone();
    (world, bench.config)
}

fn with_overrides(mut world: World) -> World {
    let text = r#"{"L-9A46857E": {"mute": {"reason": "moving", "until": "2020-01-01"}}}"#;
    let parameter = Parameter { value: text.to_owned(), is_secure: true };
    world.parameters.insert(OVERRIDES.to_owned(), parameter);
    world.buckets.entry(BUCKET.to_owned()).or_default().put("overrides.json", text);
    world
}

/// The alarms of the account, as they are configured.
pub fn alarms(bench: &Bench) -> BTreeMap<String, Alarm> {
    let mut alarms = bench.sim.world().alarms.clone();
    for alarm in alarms.values_mut() {
        alarm.fields.retain(|field, _| !field.ends_with("Timestamp"));
    }
    alarms
}
