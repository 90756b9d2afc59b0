//! Every input on the embedded server, which is right: nothing may be found, and nothing may be left untried.

use super::*;
use crate::check::Judge;
use crate::contract::{Contract, Endpoint};
use crate::exchange::TransportSettings;
use crate::offerings::{CaseReport, Naming, Stage};
use crate::reference;
use crate::run::Embedded;
use std::sync::Arc;

async fn server(options: reference::Options) -> Embedded {
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    Embedded::start(options, TransportSettings::default(), judge).await.expect("a port is free")
}

async fn play(server: &Embedded, endpoint: Endpoint, seed: u64, cases: u64) -> (CaseReport, Coverage, Inputs) {
    let lane = server.lane(&format!("input-{endpoint}-{seed}"));
    let inputs = Inputs::of(lane.judge.contract(), endpoint, &lane.fixtures, seed, cases);
    let mut coverage = Coverage::of(&inputs);
    let naming = Naming::new(seed, "i", 0);
    let mut stage = Stage::open(lane, naming).await.expect("the list can be read");
    let flow = inputs.play(&mut stage, &mut coverage).await;
    (stage.close(flow).await, coverage, inputs)
}

fn found(report: &CaseReport) -> Vec<String> {
    let breaches = report.record.breaches.iter();
    let lines = breaches.map(|breach| {
        let request = &breach.at.request;
        let body = request.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let body: String = body.chars().take(120).collect();
        let path: String = request.path.chars().take(120).collect();
        format!("{}: {} ({}) [{} {path} {body}]", breach.rule, breach.title, breach.received, request.method)
    });
    lines.chain(report.halt.iter().map(|halt| format!("halted: {halt}"))).collect()
}

#[tokio::test]
async fn on_a_right_server_nothing_is_found_and_nothing_is_left_untried() {
    let seeds = std::env::var("QONFORM_INPUT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
    let server = server(reference::Options::default()).await;
    let mut all = Coverage::default();
    for seed in 0..seeds {
        for endpoint in Endpoint::ALL {
            let (report, coverage, _) = play(&server, endpoint, seed, 40).await;
            assert_eq!(found(&report), Vec::<String>::new(), "{endpoint} {seed}");
            assert_eq!(report.record.skipped, std::collections::BTreeMap::new(), "{endpoint} {seed}");
            all.merge(coverage);
        }
    }
    server.stop().await;
    assert_eq!(all.holes(), Vec::<String>::new());
    for row in &all.rows {
        // The rules narrow what the schema lets through: any tag but 0 and null is refused.
        let is_narrowed = row.place == "body /tag" && row.operation == "v4UpdateOffering";
        assert!(is_narrowed || row.inside.is_none_or(|sides| sides.accepted > 0), "{row:?}");
        assert!(row.outside.is_none_or(|sides| sides.accepted == 0 && sides.refused > 0), "{row:?}");
    }
}
