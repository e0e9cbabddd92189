//! Serves a fleet on a port: the hub's account, and three accounts in two Regions, for any AWS client:
//! `cargo run -p simaws --example serve_fleet -- 4567`. Prints the environment that points a client here.
//!
//! Acme has an instance in eu-west-2 with a violation, and its replica, with the same id and one lower limit, in
//! us-east-1. Beta has an instance and lacks the role. Gamma is denied by policy in eu-west-2 and has not opted in to
//! us-east-1. The role is `ConnectQuotaMonitorReader`, the external id `fleet-7f3a`.
//!
//! Each line that is typed changes something, and is answered by a line, `ok` or what is wrong with it:
//! `hang|throttle|clear ACCOUNT REGION` (Connect there), `trust|untrust ACCOUNT`, `deny|allow ACCOUNT REGION`,
//! `organizations down|up`, `calls` (of STS, Organizations and Account Management, as JSON). Stop it with Ctrl-C.

use std::error::Error;
use std::io::{self, BufRead, Write};

use serde_json::json;
use simaws::{Estate, Fault, FaultKind, Throttle, Times, World};

const HUB: (&str, &str) = ("123456789012", "us-east-1");
const ACCOUNTS: [(&str, &str); 3] = [("111122220001", "Acme"), ("222233334444", "Beta"), ("333344445555", "Gamma")];
const REGIONS: [&str; 2] = ["eu-west-2", "us-east-1"];
const ROLE: &str = "ConnectQuotaMonitorReader";
const EXTERNAL_ID: &str = "fleet-7f3a";

fn world(account_id: &str, region: &str, instances: usize) -> World {
    let mut world = World::with_instances(instances);
    world.throttle = Throttle::None;
    (world.account_id, world.region) = (account_id.to_owned(), region.to_owned());
    // Room for the account's own instances, and for each instance's few of everything.
    world.quotas.set_account("L-AA17A6B9", 100.0);
    world
}

fn estate() -> Estate {
    let estate = Estate::new(world(HUB.0, HUB.1, 0));
    let [(acme, _), (beta, _), (gamma, _)] = ACCOUNTS;
    let [west, east] = REGIONS;
    {
        let mut land = estate.land();
        land.regions.extend(REGIONS.map(str::to_owned));
        for (id, name) in ACCOUNTS {
            let tags = &mut land.organization.add(id, name, "r-ab12").tags;
            tags.insert("Team".to_owned(), format!("team-{}", name.to_lowercase()));
        }
        land.denied.insert((gamma.to_owned(), west.to_owned()));
        land.off.insert((gamma.to_owned(), east.to_owned()));
    }
    estate.trust(&[acme, gamma], ROLE, Some(EXTERNAL_ID));
    let source = estate.add(world(acme, west, 1));
    source.world().instances[0].set("ListPrompts", 430);
    let replica = estate.add(world(acme, east, 1));
    replica.world().quotas.set_account("L-9A46857E", 300.0);
    estate.add(world(beta, west, 1));
    estate
}

fn change(estate: &Estate, line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let cell = |account: &str, region: &str| {
        estate.cell(account, region).ok_or_else(|| format!("there is no cell {account} {region}"))
    };
    let place = |account: &str, region: &str| (account.to_owned(), region.to_owned());
    match words[..] {
        ["hang", account, region] => {
            cell(account, region)?.script(Fault::new("connect", FaultKind::Hang).times(Times::Forever));
        }
        ["throttle", account, region] => {
            cell(account, region)?.script(Fault::new("connect", FaultKind::Throttle).times(Times::Forever));
        }
        ["clear", account, region] => cell(account, region)?.clear_faults(),
        ["trust", account] => estate.trust(&[account], ROLE, Some(EXTERNAL_ID)),
        ["untrust", account] => {
            estate.land().roles.remove(account);
        }
        ["deny", account, region] => {
            estate.land().denied.insert(place(account, region));
        }
        ["allow", account, region] => {
            estate.land().denied.remove(&place(account, region));
        }
        ["organizations", "down"] => {
            let refused = (400, "AccessDeniedException".to_owned(), "You don't have permissions".to_owned());
            estate.land().organization.fault = Some(refused);
        }
        ["organizations", "up"] => estate.land().organization.fault = None,
        ["calls"] => return Ok(json!(estate.land().calls).to_string()),
        _ => return Err(format!("unknown: {line}")),
    }
    Ok("ok".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(4567), |text| text.parse())?;
    let estate = estate();
    let server = estate.serve_on(port).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", server.url())?;
    writeln!(out, "export AWS_REGION={}", HUB.1)?;
    writeln!(out, "export AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated")?;
    writeln!(out, "export FLEET_ROLE_NAME={ROLE} FLEET_EXTERNAL_ID={EXTERNAL_ID}")?;
    out.flush()?;
    drop(out);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            // A reader that has gone needs no answer.
            let _ = writeln!(io::stdout(), "{}", change(&estate, &line).unwrap_or_else(|why| why));
        }
    });
    std::future::pending().await
}
