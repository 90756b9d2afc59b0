//! Every switch changes something that a client can see, and none brings the server down.

use super::script::{Play, whole};
use crate::reference::switches::Switches;
use crate::reference::{Behaviour, Family, Fault};

async fn answers(switches: Switches) -> Vec<String> {
    let mut play = Play::new(switches);
    whole(&mut play).await;
    play.answers
}

#[tokio::test]
async fn the_right_server_answers_the_same_each_time() {
    let (one, other) = (answers(Switches::default()).await, answers(Switches::default()).await);
    assert!(one.len() > 500);
    assert_eq!(one, other);
    assert!(!one.iter().any(|answer| answer.contains(" 500 ")));
}

/// Races need several clients at once.
#[tokio::test]
async fn every_fault_but_a_race_can_be_seen_by_a_client() {
    let right = answers(Switches::default()).await.into();
    let mut unseen = Vec::new();
    for fault in Fault::ALL {
        let mut play = Play::new(Switches::new(&[fault], &[])).against(&right);
        whole(&mut play).await;
        if !play.differs && fault.info().family != Family::Race {
            unseen.push(fault);
        }
    }
    assert_eq!(unseen, []);
}

/// Those that are about time, other clients or the content type show in no answer of the script.
#[tokio::test]
async fn every_behaviour_can_be_seen_by_a_client_and_is_no_server_error() {
    let right = answers(Switches::default()).await;
    let mut unseen = Vec::new();
    for behaviour in Behaviour::ALL {
        let unseen_alone = Behaviour::OF_CROWDS.contains(&behaviour);
        // The script empties no project.
        let is_beyond = matches!(behaviour, Behaviour::Slow | Behaviour::AnyContentType | Behaviour::FirstAgainRegular);
        if unseen_alone || is_beyond {
            continue;
        }
        let chosen = answers(Switches::new(&[], &[behaviour])).await;
        assert!(!chosen.iter().any(|answer| answer.contains(" 500 ")), "{behaviour}");
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
        let chosen = answers(Switches::new(&[], &drawn)).await;
        assert!(!chosen.iter().any(|answer| answer.contains(" 500 ")), "{drawn:?}");
    }
}
