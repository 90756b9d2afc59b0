use std::sync::Arc;

use super::*;
use crate::check::Judge;
use crate::contract::{Contract, Level};
use crate::exchange::TransportSettings;
use crate::finding::{Breach, Record};
use crate::offerings::Naming;
use crate::offerings::sequence::{Mains, Means, Played, generate, play_case};
use crate::reference;
use crate::run::Embedded;

async fn embedded(options: reference::Options) -> Embedded {
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    Embedded::start(options, TransportSettings::default(), judge).await.unwrap()
}

fn logical() -> reference::Options {
    reference::Options { clock: reference::Clock::Logical, ..reference::Options::default() }
}

async fn play(server: &Embedded, seed: u64, attempt: u32, steps: &[Step]) -> Played {
    let lane = server.lane(&format!("sequence-{seed}"));
    play_case(lane, Naming::new(seed, "sequence", attempt), steps).await
}

#[tokio::test]
async fn a_right_server_is_never_accused() {
    let server = embedded(logical()).await;
    let means = Means::of(&server.lane("means"), Mains::Change);
    let mut all = Record::default();
    for seed in 0..50 {
        let steps = generate(seed, 0, 30, &means);
        let played = play(&server, seed, 0, &steps).await;
        let told: Vec<_> = played.report.record.breaches.iter().map(describe).collect();
        let steps: Vec<_> =
            steps.iter().take(played.at.first().map_or(0, |at| at + 1)).map(ToString::to_string).collect();
        if !told.is_empty() {
            println!("seed {seed}: {told:#?}\n{}", steps.join("; "));
        }
        assert_eq!(played.report.halt, None);
        assert_eq!(played.report.record.foreign, [""; 0]);
        all.merge(played.report.record);
    }
    for rule in ["create.first-is-main", "create.duplicate", "update.demote-rejected", "set-main.idempotency-replay"] {
        println!("{rule} {:?}", all.checks.get(rule));
    }
    println!("{:#?} {}", all.checks, server.traffic().requests());
    println!("{:#?} {:#?}", all.observations, all.drift);
    server.stop().await;
}

fn describe(breach: &Breach) -> String {
    format!("{}: {} ({} / {}) at {}", breach.rule, breach.title, breach.documented, breach.received, breach.at.name())
}

/// The first violation of a history, and the step at which it showed.
fn first_violation(played: &Played) -> Option<Failure<Way>> {
    static RULES: std::sync::LazyLock<Contract> = std::sync::LazyLock::new(Contract::embedded);
    let rules = &*RULES;
    let is_must = |breach: &Breach| rules.rules().rule(breach.rule).is_some_and(|rule| rule.level == Level::Must);
    let place = played.first(is_must)?;
    let breach = &played.report.record.breaches[place];
    Some(Failure { at: played.at[place], way: Way::of(breach) })
}

/// What makes two breaches the same fault.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Way(&'static str, Option<String>, String);

impl Way {
    fn of(breach: &Breach) -> Self {
        Self(breach.rule, breach.operation.id().map(str::to_owned), breach.title.to_string())
    }
}

#[derive(Default, Debug)]
struct Caught {
    seeds: usize,
    histories: Vec<u64>,
    rules: std::collections::BTreeMap<&'static str, usize>,
    lengths: Vec<usize>,
    attempts: Vec<usize>,
    requests: Vec<u64>,
    shortest: Option<Vec<Step>>,
    longest: Option<Vec<Step>>,
}

async fn catch(fault: reference::Fault, seeds: std::ops::Range<u64>, shrunk: u64) -> Caught {
    let server = embedded(reference::Options { faults: vec![fault], ..logical() }).await;
    let means = Means::of(&server.lane("means"), Mains::Change);
    let mut caught = Caught::default();
    for seed in seeds {
        let mut attempt = 0;
        for index in 0..50 {
            let steps = generate(seed, index, 30, &means);
            attempt += 1;
            let played = play(&server, seed, attempt, &steps).await;
            let Some(failure) = first_violation(&played) else { continue };
            caught.seeds += 1;
            caught.histories.push(index);
            for breach in &played.report.record.breaches {
                *caught.rules.entry(breach.rule).or_default() += 1;
            }
            if seed < shrunk {
                let before = server.traffic().requests();
                let number = std::cell::Cell::new(1000);
                let shrunk = shrink(
                    steps,
                    &failure,
                    |_| server.traffic().requests() < before + 2_000,
                    |steps| {
                        number.set(number.get() + 1);
                        let attempt = number.get();
                        let server = &server;
                        async move {
                            let failure = first_violation(&play(server, seed, attempt, &steps).await);
                            if std::env::var("SHOW").is_ok() {
                                println!(
                                    "{failure:?} {}",
                                    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                                );
                            }
                            failure
                        }
                    },
                )
                .await;
                caught.lengths.push(shrunk.steps.len());
                caught.attempts.push(shrunk.attempts);
                caught.requests.push(server.traffic().requests() - before);
                if caught.shortest.as_ref().is_none_or(|known| known.len() > shrunk.steps.len()) {
                    caught.shortest = Some(shrunk.steps.clone());
                }
                if caught.longest.as_ref().is_none_or(|known| known.len() < shrunk.steps.len()) {
                    caught.longest = Some(shrunk.steps);
                }
            }
            break;
        }
    }
    server.stop().await;
    caught
}

#[tokio::test]
#[ignore = "an experiment"]
async fn experiment() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let only = std::env::var("ONLY").unwrap_or_default();
    for fault in reference::Fault::ALL {
        let info = fault.info();
        let wanted = if only.is_empty() {
            info.layer == reference::Layer::Sequence
        } else {
            only.split(',').any(|only| info.name.contains(only))
        };
        if !wanted {
            continue;
        }
        let caught = catch(fault, 0..number("SEEDS", 5), number("SHRUNK", 0)).await;
        let missing: Vec<_> = info.expected.iter().filter(|rule| !caught.rules.contains_key(*rule)).collect();
        println!(
            "{:34} {}/{} in {:?} lengths {:?} of {:?} attempts {:?} requests {:?}{}",
            info.name,
            caught.seeds,
            number("SEEDS", 5),
            caught.histories,
            caught.lengths,
            info.shortest,
            caught.attempts,
            caught.requests,
            if missing.is_empty() { String::new() } else { format!(" MISSING {missing:?} of {:?}", caught.rules) }
        );
        for steps in [caught.shortest, caught.longest].into_iter().flatten() {
            println!("      {}", steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
        }
    }
}
