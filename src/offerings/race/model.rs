//! What each request of a race may answer and do, by the model that histories are held against.

use std::sync::Arc;

use super::order::Model;
use crate::exchange::Answer;
use crate::offerings::model::{Call, World};

/// A request, what came back, and whether other writes were under way meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// What was asked.
    pub call: Call,
    /// What came back.
    pub seen: Seen,
    /// Whether another client's write overlapped it in time: then a server may refuse one of the two with 409.
    pub contended: bool,
}

/// What came back, as far as it matters to an order.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// Nothing that an order must explain.
    Nothing,
    /// That it was done, but not what came of it.
    Done,
    /// An answer as the contract words it: statuses and codes are judged where one client sees them.
    Answer(Arc<Answer>),
}

/// Several clients on one project.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd;

impl Model for Crowd {
    type State = World;
    type Event = Event;

    fn next(&self, world: &World, event: &Event) -> Vec<World> {
        let mut next = match &event.seen {
            Seen::Nothing => vec![world.clone()],
            Seen::Done => world.done_unseen(&event.call),
            Seen::Answer(answer) => world.step(&event.call, answer),
        };
        if event.contended && event.status() == Some(409) {
            next.push(world.clone());
        }
        next.into_iter().map(World::timeless).collect()
    }

    fn is_read(&self, event: &Event) -> bool {
        match &event.seen {
            Seen::Nothing => true,
            Seen::Done => false,
            Seen::Answer(answer) => !event.call.is_write() || answer.is_refusal(),
        }
    }
}

impl Event {
    fn status(&self) -> Option<u16> {
        match &self.seen {
            Seen::Answer(answer) => Some(answer.status),
            Seen::Nothing | Seen::Done => None,
        }
    }
}
