//! Runs that overlap at any point, and runs that die at any point: no transition is told twice by two that
//! live, and none is lost by one that dies.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::{App, Moment};
use jiff::Timestamp;
use simaws::{Hook, Passing, World};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::harness::{Bench, NOON, small};

const HOUR: i64 = 3600;

/// Accounts in which a run calls little: what matters here are the stores and the topic.
fn benches() -> [Bench; 2] {
    let bench = || {
        let mut world = small();
        world.not_enabled = ["cases", "profile", "wisdom", "app-integrations", "connect-campaigns"].into();
        Bench::new(world).with_topic().with_config(|c| c.detail_calls = 0)
    };
    [bench().with_table(), bench().with_bucket()]
}

fn prompts(bench: &Bench, prompts: u64) {
    bench.sim.world().instances[0].set("ListPrompts", prompts);
}

fn events(bench: &Bench) -> Vec<String> {
    bench.mails().into_iter().map(|mail| mail.event).collect()
}

/// Whether a request is one between which runs may meet or die: to a store or the topic.
fn is_step(passing: &Passing) -> bool {
    ["dynamodb", "s3", "sns"].contains(&passing.service)
}

/// A process of its own, whose requests pass the hook.
async fn process(bench: &Bench, hook: Hook) -> Arc<App> {
    let mut other = Bench::on(bench.sim.hooked(hook)).with_config(|config| *config = bench.config.clone());
    other.app().await
}

/// Whether the run ended well.
async fn run_of(app: Arc<App>, second: i64) -> bool {
    let now = Timestamp::from_second(second).unwrap();
    app.run(&Request::default(), Moment::within(now, Duration::from_secs(900))).await.is_ok()
}

async fn run(bench: &Bench, hour: i64) {
    let app = process(bench, Hook::new(|_| std::future::ready(()))).await;
    assert!(run_of(app, NOON + hour * HOUR).await);
}

/// Holds each step for a while of the schedule's choice, before it is done and before its answer leaves.
/// No while is so long that a client would give up, nor all together as long as a claim.
fn slow(seed: u64) -> Hook {
    let random = Mutex::new(fastrand::Rng::with_seed(seed));
    Hook::new(move |passing: Passing| {
        let held = [0, 0, 1, 40, 700, 2_000, 5_000][random.lock().unwrap().usize(..7)];
        async move {
            if is_step(&passing) && held > 0 {
                sleep(Duration::from_millis(held)).await;
            }
        }
    })
}

/// All of them at once, each on a schedule of its own.
async fn together(bench: &Bench, hour: i64, writers: u64, seed: u64) {
    let mut runs = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let app = process(bench, slow(seed * 10 + writer)).await;
        let second = NOON + hour * HOUR + i64::try_from(writer).unwrap();
        runs.spawn(async move {
            sleep(Duration::from_secs(writer)).await;
            run_of(app, second).await
        });
    }
    assert!(runs.join_all().await.into_iter().all(|ended_well| ended_well));
}

#[tokio::test(start_paused = true)]
async fn two_and_three_runs_at_once_tell_each_transition_once() {
    for seed in 0..5 {
        for bench in benches() {
            let writers = 2 + seed % 2;
            run(&bench, 0).await;
            for (hour, seen) in [(1, 430), (2, 10), (3, 10)] {
                prompts(&bench, seen);
                together(&bench, hour, writers, seed * 100 + u64::try_from(hour).unwrap()).await;
            }
            assert_eq!(events(&bench), ["raised", "recovered"], "seed {seed}");
        }
    }
}

/// What a run sees may be over when it tells: readers hear of each end before a new beginning, and in the
/// end they know what is.
#[tokio::test(start_paused = true)]
async fn runs_that_see_different_things_tell_a_story_that_holds_together() {
    for seed in 0..6 {
        for bench in benches() {
            run(&bench, 0).await;
            let flips = async {
                for (wait, seen) in [(0, 430), (seed % 4, 10), (3, 430), (2, if seed % 2 == 0 { 10 } else { 430 })] {
                    sleep(Duration::from_secs(wait)).await;
                    prompts(&bench, seen);
                }
            };
            tokio::join!(together(&bench, 1, 3, seed + 1_000), flips);
            for hour in 2..4 {
                run(&bench, hour).await;
            }
            let told = events(&bench);
            for (n, event) in told.iter().enumerate() {
                assert_eq!(event, ["raised", "recovered"][n % 2], "seed {seed}: {told:?}");
            }
            assert_eq!(told.len() % 2 == 1, seed % 2 == 1, "seed {seed}: {told:?}");
        }
    }
}

/// A run that dies at its n-th step, and where that was: none where it had fewer.
async fn dies(bench: &Bench, second: i64, n: usize) -> Option<Passing> {
    let (steps, died) = (AtomicUsize::new(0), Arc::new((Mutex::new(None), Notify::new())));
    let hook = {
        let died = Arc::clone(&died);
        Hook::new(move |passing: Passing| {
            let is_last = is_step(&passing) && steps.fetch_add(1, Ordering::Relaxed) == n;
            if is_last {
                *died.0.lock().unwrap() = Some(passing);
                died.1.notify_one();
            }
            async move {
                if is_last {
                    std::future::pending::<()>().await;
                }
            }
        })
    };
    let app = process(bench, hook).await;
    tokio::select! {
        _ = run_of(app, second) => None,
        () = died.1.notified() => died.0.lock().unwrap().clone(),
    }
}

/// The events without the repeated ones, and how many were repeated.
fn story(bench: &Bench) -> (Vec<String>, usize) {
    let mut events = events(bench);
    let all = events.len();
    events.dedup();
    let repeated = all - events.len();
    (events, repeated)
}

/// The account as it is before an hour, after quiet runs of the hours before. From the first hour on there
/// is a violation, from the third on there is none.
async fn before(home: usize, hour: i64) -> World {
    let bench = benches().into_iter().nth(home).unwrap();
    for at in 0..hour {
        prompts(&bench, prompts_of(at));
        run(&bench, at).await;
    }
    prompts(&bench, prompts_of(hour));
    bench.sim.world().clone()
}

fn prompts_of(hour: i64) -> u64 {
    if (1..3).contains(&hour) { 430 } else { 10 }
}

/// Another process in a copy of the account.
fn copy(home: usize, world: &World) -> Bench {
    let config = benches().into_iter().nth(home).unwrap().config;
    Bench::new(world.clone()).with_config(|c| *c = config)
}

/// What must have been told in the end.
fn whole_story(hour: i64) -> &'static [&'static str] {
    if hour < 3 { &["raised"] } else { &["raised", "recovered"] }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_at_any_step_loses_nothing() {
    for (home, hour) in [(0, 1), (0, 3), (1, 1), (1, 3)] {
        let world = before(home, hour).await;
        let mut places = BTreeSet::new();
        for n in 0.. {
            let bench = copy(home, &world);
            let place = dies(&bench, NOON + hour * HOUR, n).await;
            run(&bench, hour + 1).await;
            let (events, repeated) = story(&bench);
            assert_eq!(events, whole_story(hour), "hour {hour}, step {n}: {place:?}");
            let Some(place) = place else {
                assert_eq!(repeated, 0, "hour {hour}: nothing died");
                break;
            };
            assert!(repeated <= 1, "hour {hour}, step {n}: {place:?}");
            places.insert((place.service, place.is_answered, repeated));
        }
        // What was published and not written down comes again, and a death before that repeats nothing.
        assert!(places.contains(&("sns", false, 0)) && places.contains(&("sns", true, 1)), "{places:?}");
    }
}

/// Another run is under way while one dies: it does not take what the dead one claimed as told.
#[tokio::test(start_paused = true)]
async fn a_run_that_dies_beside_another_loses_nothing() {
    for (home, hour) in [(0, 1), (0, 3), (1, 1), (1, 3)] {
        let world = before(home, hour).await;
        for n in (home..22).step_by(2) {
            let bench = copy(home, &world);
            let seed = 5_000 + u64::try_from(n).unwrap();
            tokio::join!(dies(&bench, NOON + hour * HOUR, n), together(&bench, hour, 1, seed));
            run(&bench, hour + 1).await;
            let (events, repeated) = story(&bench);
            assert_eq!(events, whole_story(hour), "hour {hour}, step {n}");
            assert!(repeated <= 1, "hour {hour}, step {n}: {repeated} for one death");
        }
    }
}
