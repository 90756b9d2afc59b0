//! What each request of a race may return and change, according to the oracle.

use std::sync::Arc;

use super::order::Model;
use crate::offerings::oracle::{Call, Reply, World};

/// A request with its response.
#[derive(Clone, Debug)]
pub(super) struct RaceEvent {
    /// The request.
    pub call: Call,
    /// The response.
    pub seen: ObservedReply,
    /// Whether a server may reject it with 409: it overlapped a write of another client, or it creates an id that was
    /// deleted, which a server need not accept again.
    pub may_conflict: bool,
}

/// The part of a response that an order must explain.
#[derive(Clone, Debug)]
pub(super) enum ObservedReply {
    /// No part of it.
    Ignored,
    /// The write was applied, with an unknown result.
    Applied,
    /// A response with the status and code of the contract: other checks judge the actual ones.
    Reply(Arc<Reply>),
}

/// Several clients on one project.
#[derive(Clone, Copy, Debug)]
pub(super) struct RaceModel;

impl Model for RaceModel {
    type State = World;
    type Event = RaceEvent;

    fn next(&self, world: &World, event: &RaceEvent) -> Vec<World> {
        let mut next = match &event.seen {
            ObservedReply::Ignored => vec![world.clone()],
            ObservedReply::Applied => world.possible_successors(&event.call),
            ObservedReply::Reply(reply) => world.step(&event.call, reply),
        };
        if event.may_conflict && event.is_conflict() {
            next.push(world.clone());
        }
        next.into_iter().map(World::normalized).collect()
    }

    fn is_read(&self, event: &RaceEvent) -> bool {
        match &event.seen {
            ObservedReply::Ignored => true,
            ObservedReply::Applied => false,
            ObservedReply::Reply(reply) => !event.call.is_write() || reply.is_rejection(),
        }
    }
}

impl RaceEvent {
    fn is_conflict(&self) -> bool {
        matches!(&self.seen, ObservedReply::Reply(reply) if reply.is_conflict())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::Offering;
    use crate::contract::Endpoint;
    use crate::exchange::Request;
    use crate::offerings::oracle::{Content, Facts, Main};
    use crate::project::Snapshot;

    fn empty() -> World {
        World::starting_from(&Snapshot::default(), Facts::default()).normalized()
    }

    fn created(tag: Option<i64>) -> ObservedReply {
        let text = String::new;
        let offering =
            Offering { id: "a".into(), tag, products: Vec::new(), created_at: text(), updated_at: text(), url: text() };
        ObservedReply::Reply(Arc::new(Reply::success(Endpoint::Create, Some(offering))))
    }

    fn rejected() -> ObservedReply {
        ObservedReply::Reply(Arc::new(Reply::of(409, Some("offering_already_exists"), Content::Nothing)))
    }

    fn create(seen: ObservedReply, may_conflict: bool) -> RaceEvent {
        let request = Request::to(Endpoint::Create).json(&json!({ "id": "a" })).header("idempotency-key", "k");
        let call = Call::read(&request).expect("one of the six operations");
        RaceEvent { call, seen, may_conflict }
    }

    #[test]
    fn only_a_concurrent_write_may_be_rejected() {
        assert!(RaceModel.next(&empty(), &create(rejected(), false)).is_empty());
        assert_eq!(RaceModel.next(&empty(), &create(rejected(), true)), [empty()]);
    }

    /// The 409 for a request in flight is not the stored response of its key.
    #[test]
    fn a_key_replays_after_its_first_use_ends() {
        let first = RaceModel.next(&empty(), &create(created(Some(1)), true)).remove(0);
        assert_eq!(RaceModel.next(&first, &create(rejected(), true)), std::slice::from_ref(&first));
        assert!(RaceModel.next(&first, &create(rejected(), false)).is_empty());
        assert_eq!(RaceModel.next(&first, &create(created(Some(1)), false)), [first]);
    }

    #[test]
    fn the_first_offering_of_an_empty_project_is_main() {
        assert!(RaceModel.next(&empty(), &create(created(None), false)).is_empty());
        let main = |world: World, seen| RaceModel.next(&world, &create(seen, false))[0].main().clone();
        assert_eq!(main(empty(), ObservedReply::Applied), Main::Is("a".into()));
        assert_eq!(main(empty().touched(), ObservedReply::Applied), Main::Unknown { not: [].into() });
        assert_eq!(main(empty().touched(), created(None)), Main::None);
    }
}
