//! The target is left as it was.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{KeyRole, Request};
use crate::lane::{Halt, Lane, Session, Snapshot};

/// How many deletions are under way at once.
const AT_ONCE: usize = 8;

/// What a project was like before the run.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    /// The main offering of each project; `None` when it had none.
    pub(super) mains: BTreeMap<KeyRole, Option<String>>,
}

/// What cleaning did.
#[derive(Clone, Debug, Default)]
pub(super) struct Cleaned {
    /// How many offerings were deleted.
    pub(super) removed: usize,
    /// The main that was put back.
    pub(super) restored: Option<String>,
    /// Ids that could not be deleted, and the main that could not be put back, each with the reason.
    pub(super) left: Vec<String>,
}

/// Deletes every offering of `role`'s project whose id starts with `prefix`, after making `main` main again. What others
/// made is not touched: a main that somebody else promoted meanwhile stays.
pub(super) async fn clean(lane: &Lane, role: KeyRole, main: Option<&str>, prefix: &str) -> Result<Cleaned, Halt> {
    let snapshot = Session::new(lane.clone()).walk(role).await?;
    let mut cleaned = Cleaned::default();
    if let Some(main) = main.filter(|main| needs_promotion(&snapshot, main, prefix)) {
        let request = Request::to(Endpoint::SetMain).id(main).key(role);
        match lane.client.send(request).await {
            Ok(exchange) if exchange.answer.is_success() => cleaned.restored = Some(main.to_owned()),
            Ok(exchange) => cleaned.left.push(format!("{main} (is not main again: {})", exchange.answer.summary())),
            Err(error) => cleaned.left.push(format!("{main} (is not main again: cannot {error})")),
        }
    }
    // The main goes last: it can be deleted on some servers only when nothing else is left, on others never.
    let (mains, regulars): (Vec<_>, Vec<_>) =
        snapshot.offerings.into_iter().filter(|offering| offering.id.starts_with(prefix)).partition(Offering::is_main);
    for batch in regulars.chunks(AT_ONCE).chain(mains.chunks(1)) {
        let mut deletions = JoinSet::new();
        for offering in batch {
            let (client, id) = (lane.client.clone(), offering.id.clone());
            deletions.spawn(async move {
                let request = Request::to(Endpoint::Delete).id(&id).key(role);
                match client.send(request).await {
                    // 404: somebody, or an earlier try whose answer was lost, has deleted it.
                    Ok(exchange) if exchange.answer.is_success() || exchange.answer.status == 404 => Ok(()),
                    Ok(exchange) => Err(format!("{id} ({})", exchange.answer.summary())),
                    Err(error) => Err(format!("{id} (cannot {error})")),
                }
            });
        }
        for deleted in deletions.join_all().await {
            match deleted {
                Ok(()) => cleaned.removed += 1,
                Err(left) => cleaned.left.push(left),
            }
        }
    }
    cleaned.left.sort();
    Ok(cleaned)
}

/// Whether `main` is there and is not main, and that is our doing.
fn needs_promotion(snapshot: &Snapshot, main: &str, prefix: &str) -> bool {
    snapshot.find(main).is_some_and(|offering| !offering.is_main())
        && snapshot.mains().iter().all(|other| other.starts_with(prefix))
}
