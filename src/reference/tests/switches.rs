//! Every switch changes something that a client can see, and none brings the server down.

use std::sync::Arc;

use super::script::{Play, whole};
use super::{planted, races};
use crate::reference::config::Config;
use crate::reference::{Behaviour, Fault};

async fn responses(config: Arc<Config>) -> Vec<String> {
    let mut play = Play::new(config);
    whole(&mut play).await;
    play.responses
}

#[tokio::test]
async fn the_right_server_responses_the_same_each_time() {
    let (one, other) = (responses(Config::new(&[], &[])).await, responses(Config::new(&[], &[])).await);
    assert!(one.len() > 500);
    assert_eq!(one, other);
    assert!(!one.iter().any(|response| response.contains(" 500 ")));
}

/// Those of several clients at once, and those that have a history of their own, are seen there.
#[tokio::test]
async fn every_other_fault_can_be_seen_by_a_client() {
    let right = responses(Config::new(&[], &[])).await.into();
    let mut unseen = Vec::new();
    let elsewhere: Vec<_> = planted::faults().chain(races::faults()).collect();
    for fault in Fault::ALL.into_iter().filter(|fault| !elsewhere.contains(fault)) {
        let mut play = Play::new(Config::new(&[fault], &[])).against(&right);
        whole(&mut play).await;
        if !play.differs {
            unseen.push(fault);
        }
    }
    assert_eq!(unseen, []);
}

/// Those that are about time, other clients or the content type show in no response of the script.
#[tokio::test]
async fn every_behaviour_can_be_seen_by_a_client_and_is_no_server_error() {
    let right = responses(Config::new(&[], &[])).await;
    let mut unseen = Vec::new();
    for behaviour in Behaviour::ALL {
        let unseen_alone = Behaviour::OF_CROWDS.contains(&behaviour);
        // The script empties no project.
        let is_beyond = matches!(behaviour, Behaviour::Slow | Behaviour::AnyContentType | Behaviour::FirstAgainRegular)
            || planted::behaviours().any(|planted| planted == behaviour);
        if unseen_alone || is_beyond {
            continue;
        }
        let chosen = responses(Config::new(&[], &[behaviour])).await;
        assert!(!chosen.iter().any(|response| response.contains(" 500 ")), "{behaviour}");
        if chosen == right {
            unseen.push(behaviour);
        }
    }
    assert_eq!(unseen, []);
}

#[tokio::test]
async fn drawn_behaviours_are_no_server_error() {
    for seed in 0..20 {
        let mut drawn = Behaviour::draw(seed);
        drawn.retain(|behaviour| *behaviour != Behaviour::Slow);
        let chosen = responses(Config::new(&[], &drawn)).await;
        assert!(!chosen.iter().any(|response| response.contains(" 500 ")), "{drawn:?}");
    }
}
