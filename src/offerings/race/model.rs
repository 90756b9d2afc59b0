//! What each request of a race may return and do, by the oracle.

use std::sync::Arc;

use super::order::Model;
use crate::offerings::oracle::{Call, Reply, World};

/// A request, what came back, and whether other writes were under way meanwhile.
#[derive(Clone, Debug)]
pub(super) struct RaceEvent {
    /// What was asked.
    pub call: Call,
    /// What came back.
    pub seen: SeenReply,
    /// Whether a server may reject it with 409: another client's write overlapped it in time, or it creates an id that
    /// was deleted, which a server need not give away again.
    pub may_conflict: bool,
}

/// What came back, as far as it matters to an order.
#[derive(Clone, Debug)]
pub(super) enum SeenReply {
    /// Nothing that an order must explain.
    Nothing,
    /// That it was done, but not what came of it.
    Done,
    /// A response as the contract words it: statuses and codes are judged where one client sees them.
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
            SeenReply::Nothing => vec![world.clone()],
            SeenReply::Done => world.possible_successors(&event.call),
            SeenReply::Reply(reply) => world.step(&event.call, reply),
        };
        if event.may_conflict && event.is_conflict() {
            next.push(world.clone());
        }
        next.into_iter().map(World::normalized).collect()
    }

    fn is_read(&self, event: &RaceEvent) -> bool {
        match &event.seen {
            SeenReply::Nothing => true,
            SeenReply::Done => false,
            SeenReply::Reply(reply) => !event.call.is_write() || reply.is_rejection(),
        }
    }
}

impl RaceEvent {
    fn is_conflict(&self) -> bool {
        matches!(&self.seen, SeenReply::Reply(reply) if reply.is_conflict())
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

    fn made(tag: Option<i64>) -> SeenReply {
        let text = String::new;
        let offering =
            Offering { id: "a".into(), tag, products: Vec::new(), created_at: text(), updated_at: text(), url: text() };
        SeenReply::Reply(Arc::new(Reply::success(Endpoint::Create, Some(offering))))
    }

    fn refused() -> SeenReply {
        SeenReply::Reply(Arc::new(Reply::of(409, Some("offering_already_exists"), Content::Nothing)))
    }

    fn create(seen: SeenReply, may_conflict: bool) -> RaceEvent {
        let request = Request::to(Endpoint::Create).json(&json!({ "id": "a" })).header("idempotency-key", "k");
        let call = Call::read(&request).expect("one of the six");
        RaceEvent { call, seen, may_conflict }
    }

    #[test]
    fn one_of_two_writers_may_be_refused_and_one_alone_may_not() {
        assert!(RaceModel.next(&empty(), &create(refused(), false)).is_empty());
        assert_eq!(RaceModel.next(&empty(), &create(refused(), true)), [empty()]);
    }

    /// A refusal of a request still in flight is not what its key stands for.
    #[test]
    fn a_key_whose_first_use_was_in_flight_is_good_afterwards() {
        let first = RaceModel.next(&empty(), &create(made(Some(1)), true)).remove(0);
        assert_eq!(RaceModel.next(&first, &create(refused(), true)), std::slice::from_ref(&first));
        assert!(RaceModel.next(&first, &create(refused(), false)).is_empty());
        assert_eq!(RaceModel.next(&first, &create(made(Some(1)), false)), [first]);
    }

    #[test]
    fn the_first_of_an_empty_project_is_main_and_one_that_nobody_saw_may_be() {
        assert!(RaceModel.next(&empty(), &create(made(None), false)).is_empty());
        let main = |world: World, seen| RaceModel.next(&world, &create(seen, false))[0].main().clone();
        assert_eq!(main(empty(), SeenReply::Done), Main::Is("a".into()));
        assert_eq!(main(empty().touched(), SeenReply::Done), Main::Unsure { not: [].into() });
        assert_eq!(main(empty().touched(), made(None)), Main::None);
    }
}
