//! Every fault and behaviour changes a response, and none stops the server.

use std::sync::Arc;

use super::script::{Script, whole};
use super::{planted, races};
use crate::reference::config::Config;
use crate::reference::{Behaviour, Fault};

async fn responses(config: Arc<Config>) -> Vec<String> {
    let mut script = Script::new(config);
    whole(&mut script).await;
    script.responses
}

#[tokio::test]
async fn the_correct_server_is_deterministic() {
    let (one, other) = (responses(Config::new(&[], &[])).await, responses(Config::new(&[], &[])).await);
    assert!(one.len() > 500);
    assert_eq!(one, other);
    assert!(!one.iter().any(|response| response.contains(" 500 ")));
}

/// Race faults and faults with their own history are tested in those modules.
#[tokio::test]
async fn every_other_fault_changes_a_response() {
    let right = responses(Config::new(&[], &[])).await.into();
    let mut unseen = Vec::new();
    let elsewhere: Vec<_> = planted::faults().chain(races::faults()).collect();
    for fault in Fault::ALL.into_iter().filter(|fault| !elsewhere.contains(fault)) {
        let mut script = Script::new(Config::new(&[fault], &[])).against(&right);
        whole(&mut script).await;
        if !script.differs {
            unseen.push(fault);
        }
    }
    assert_eq!(unseen, []);
}

/// Behaviours of time, other clients or the content type change no response of the script.
#[tokio::test]
async fn every_behaviour_changes_a_response_without_server_errors() {
    let right = responses(Config::new(&[], &[])).await;
    let mut unseen = Vec::new();
    for behaviour in Behaviour::ALL {
        let unseen_alone = Behaviour::CONCURRENT.contains(&behaviour);
        // The script empties no project.
        let is_beyond = matches!(
            behaviour,
            Behaviour::Slow | Behaviour::AnyContentType | Behaviour::FirstAgainRegular | Behaviour::UnknownMethod501
        ) || planted::behaviours().any(|planted| planted == behaviour);
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
async fn combined_behaviours_return_no_server_error() {
    for seed in 0..20 {
        let mut combination = Behaviour::combination(seed);
        combination.retain(|behaviour| *behaviour != Behaviour::Slow);
        let chosen = responses(Config::new(&[], &combination)).await;
        assert!(!chosen.iter().any(|response| response.contains(" 500 ")), "{combination:?}");
    }
}
