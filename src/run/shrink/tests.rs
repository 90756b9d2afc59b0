use std::sync::Arc;

use super::*;
use crate::check::Judge;
use crate::contract::Contract;
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
