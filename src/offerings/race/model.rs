//! What each request of a race may answer and do: the offerings API as a pure function, for a few offerings.
//!
//! It gives every outcome that the contract admits. What it does not speak of (times, the wording of refusals, other
//! offerings) does not matter to it; what is open (who is main after the main was deleted) has several outcomes.
//!
//! It is not the [`World`](crate::offerings::model::World) of the histories: a step of a world, which reads an answer and
//! minds times, codes and choices, takes 7 to 15 microseconds and its hash 5 to 12, where a whole search that fails, over
//! sixty requests of six clients, takes at most 14 milliseconds here. Nor does a world say who followed a deleted main,
//! know another project than the main one, or have a word for two writers of which one may be refused. That both say the
//! same of what one client sees is tested.

use super::order::Model;
use super::program::Step;

/// Which offering is main.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Main {
    /// None is.
    Nobody,
    /// One of those that the race is about.
    Slot(usize),
    /// One of ours that the race leaves alone.
    Anchor,
    /// Somebody else's.
    Other,
    /// Several at once: no state has that, but a list may show it.
    Several,
}

/// The offerings of a race at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Scene {
    /// The product list of each offering, or `None` where it does not exist.
    pub rows: Vec<Option<usize>>,
    /// Who is main.
    pub main: Main,
    /// For each idempotency key: whether a create with it succeeded.
    pub used: Vec<bool>,
}

/// An offering as an answer shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shown {
    /// Its product list; numbers that no step sends stand for lists that nobody sent.
    pub list: usize,
    /// Whether its `tag` is 1.
    pub main: bool,
}

/// What came back, as far as it matters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    /// Nothing, or nothing that says whether the request was applied.
    Lost,
    /// 2xx with the offering that was asked for.
    Offering(Shown),
    /// 2xx with another offering.
    Stranger,
    /// 204.
    Gone,
    /// 404.
    Missing,
    /// 409.
    Conflict,
    /// Another refusal: without effect, and judged elsewhere.
    Refused,
    /// A list that is one page.
    Rows {
        /// For each offering of the race, what the list shows.
        rows: Vec<Option<Shown>>,
        /// Who is main in it.
        main: Main,
    },
    /// An answer to a read that says nothing about the race.
    Silent,
}

/// A request, its reply, and whether other writes were under way meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Event {
    /// What was asked.
    pub step: Step,
    /// What came back.
    pub reply: Reply,
    /// Whether another client's write overlapped it in time: then a server may refuse one of the two with 409.
    pub contended: bool,
}

/// What is looked at in answers. A history that is explained when one thing is left out is broken in that thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// Everything.
    Whole,
    /// Everything but who is main.
    NotRoles,
    /// Everything but products.
    NotProducts,
}

/// The rules of the game.
#[derive(Clone, Debug)]
pub(super) struct Offerings {
    /// What is looked at.
    pub look: Look,
    /// Whether the project holds offerings besides those of the race.
    pub others: bool,
    /// Whether the first offering of an emptied project is surely its main.
    pub first_is_main: bool,
}

impl Model for Offerings {
    type State = Scene;
    type Event = Event;

    fn next(&self, scene: &Scene, event: &Event) -> Vec<Scene> {
        let unchanged = || vec![scene.clone()];
        match (event.step, &event.reply) {
            (_, Reply::Refused | Reply::Silent) => unchanged(),
            (_, Reply::Stranger) => Vec::new(),
            (Step::List, Reply::Rows { rows, main }) => self.list(scene, rows, *main),
            (Step::Get { slot }, Reply::Offering(shown)) if self.shows(scene, slot, *shown) => unchanged(),
            (
                Step::Get { slot } | Step::Update { slot, .. } | Step::Delete { slot } | Step::SetMain { slot },
                reply,
            ) if *reply == Reply::Missing => {
                if scene.rows[slot].is_none() {
                    unchanged()
                } else {
                    Vec::new()
                }
            }
            (Step::Create { slot, list, key }, reply) => self.create(scene, slot, list, key, reply, event.contended),
            (Step::Update { .. } | Step::Delete { .. } | Step::SetMain { .. }, Reply::Conflict) => {
                if event.contended {
                    unchanged()
                } else {
                    Vec::new()
                }
            }
            (Step::Update { slot, list }, reply) => self.update(scene, slot, list, reply, event.contended),
            (Step::Delete { slot }, reply) => self.delete(scene, slot, reply),
            (Step::SetMain { slot }, reply) => self.set_main(scene, slot, reply),
            (Step::List | Step::Get { .. }, _) => Vec::new(),
        }
    }

    fn is_read(&self, event: &Event) -> bool {
        let refused = matches!(event.reply, Reply::Missing | Reply::Conflict | Reply::Refused | Reply::Silent);
        refused || !event.step.writes()
    }
}

impl Offerings {
    /// Whether the offering stands like this in the scene.
    fn shows(&self, scene: &Scene, slot: usize, shown: Shown) -> bool {
        scene.rows[slot].is_some_and(|list| {
            (self.look == Look::NotProducts || shown.list == list) && self.agrees(scene, slot, shown)
        })
    }

    /// Whether the offering's role is the one shown.
    fn agrees(&self, scene: &Scene, slot: usize, shown: Shown) -> bool {
        self.look == Look::NotRoles || shown.main == (scene.main == Main::Slot(slot))
    }

    fn list(&self, scene: &Scene, rows: &[Option<Shown>], main: Main) -> Vec<Scene> {
        let same_rows = rows.iter().enumerate().all(|(slot, row)| match row {
            Some(shown) => self.shows(scene, slot, *shown),
            None => scene.rows[slot].is_none(),
        });
        let same_main = self.look == Look::NotRoles || main == scene.main;
        if same_rows && same_main { vec![scene.clone()] } else { Vec::new() }
    }

    fn create(
        &self,
        scene: &Scene,
        slot: usize,
        list: usize,
        key: Option<usize>,
        reply: &Reply,
        contended: bool,
    ) -> Vec<Scene> {
        let exists = scene.rows[slot].is_some();
        let is_replay = key.is_some_and(|key| scene.used[key]);
        match reply {
            // Whether a replay shows the offering as it was or as it is now is open.
            Reply::Offering(_) | Reply::Lost if is_replay => vec![scene.clone()],
            Reply::Conflict => {
                if contended || (exists && !is_replay) {
                    vec![scene.clone()]
                } else {
                    Vec::new()
                }
            }
            Reply::Lost if exists => vec![scene.clone()],
            Reply::Offering(_) | Reply::Lost if !exists => {
                let mut made = scene.clone();
                made.rows[slot] = Some(list);
                if let Some(key) = key {
                    made.used[key] = true;
                }
                let mut next = Vec::new();
                if scene.main == Main::Nobody {
                    next.push(Scene { main: Main::Slot(slot), ..made.clone() });
                }
                let is_first = !self.others && scene.rows.iter().all(Option::is_none);
                if scene.main != Main::Nobody || !(is_first && self.first_is_main) {
                    next.push(made);
                }
                next.retain(|next| match reply {
                    Reply::Offering(shown) => self.shows(next, slot, *shown),
                    _ => true,
                });
                next
            }
            _ => Vec::new(),
        }
    }

    /// A server may read the offering again for its answer: with other writes under way that shows what they did.
    fn update(&self, scene: &Scene, slot: usize, list: usize, reply: &Reply, contended: bool) -> Vec<Scene> {
        let mut updated = scene.clone();
        match (scene.rows[slot], reply) {
            (Some(_), Reply::Offering(shown)) => {
                updated.rows[slot] = Some(list);
                if contended || self.shows(&updated, slot, *shown) { vec![updated] } else { Vec::new() }
            }
            (Some(_), Reply::Lost) => {
                updated.rows[slot] = Some(list);
                vec![updated]
            }
            (None, Reply::Lost) => vec![updated],
            _ => Vec::new(),
        }
    }

    /// After the main is deleted there is none, or another one at the server's choice.
    fn delete(&self, scene: &Scene, slot: usize, reply: &Reply) -> Vec<Scene> {
        let exists = scene.rows[slot].is_some();
        match reply {
            Reply::Gone if !exists => Vec::new(),
            Reply::Lost if !exists => vec![scene.clone()],
            Reply::Gone | Reply::Lost => {
                let mut left = scene.clone();
                left.rows[slot] = None;
                if scene.main != Main::Slot(slot) {
                    return vec![left];
                }
                let heirs = (0..left.rows.len()).filter(|&heir| left.rows[heir].is_some()).map(Main::Slot);
                let others = [Main::Anchor, Main::Other].into_iter().filter(|_| self.others);
                let mains = std::iter::once(Main::Nobody).chain(heirs).chain(others);
                mains.map(|main| Scene { main, ..left.clone() }).collect()
            }
            _ => Vec::new(),
        }
    }

    fn set_main(&self, scene: &Scene, slot: usize, reply: &Reply) -> Vec<Scene> {
        if scene.rows[slot].is_none() {
            return if *reply == Reply::Lost { vec![scene.clone()] } else { Vec::new() };
        }
        let promoted = Scene { main: Main::Slot(slot), ..scene.clone() };
        match reply {
            Reply::Lost => vec![promoted],
            Reply::Offering(shown) if self.shows(&promoted, slot, *shown) => vec![promoted],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn game() -> Offerings {
        Offerings { look: Look::Whole, others: true, first_is_main: true }
    }

    fn scene(rows: &[Option<usize>], main: Main) -> Scene {
        Scene { rows: rows.to_vec(), main, used: vec![false] }
    }

    fn event(step: Step, reply: Reply) -> Event {
        Event { step, reply, contended: false }
    }

    fn offering(list: usize, main: bool) -> Reply {
        Reply::Offering(Shown { list, main })
    }

    #[test]
    fn a_promotion_demotes_whoever_was_main_and_shows_it() {
        let before = scene(&[Some(0), Some(0)], Main::Slot(1));
        let promote = Step::SetMain { slot: 0 };
        let after = game().next(&before, &event(promote, offering(0, true)));
        assert_eq!(after, [scene(&[Some(0), Some(0)], Main::Slot(0))]);
        assert!(game().next(&before, &event(promote, offering(0, false))).is_empty());
        assert!(game().next(&before, &event(promote, Reply::Missing)).is_empty());
    }

    #[test]
    fn a_create_of_what_exists_is_refused_unless_its_key_was_used() {
        let create = |key| Step::Create { slot: 0, list: 0, key };
        let mut there = scene(&[Some(0)], Main::Other);
        assert!(game().next(&there, &event(create(None), offering(0, false))).is_empty());
        assert_eq!(game().next(&there, &event(create(Some(0)), Reply::Conflict)), [there.clone()]);
        there.used[0] = true;
        assert_eq!(game().next(&there, &event(create(Some(0)), offering(0, false))), [there.clone()]);
        assert!(game().next(&there, &event(create(Some(0)), Reply::Conflict)).is_empty());
        let at_once = Event { contended: true, ..event(create(Some(0)), Reply::Conflict) };
        assert_eq!(game().next(&there, &at_once), [there]);
    }

    #[test]
    fn the_first_of_an_empty_project_becomes_main_and_one_beside_others_need_not() {
        let empty = scene(&[None], Main::Nobody);
        let create = Step::Create { slot: 0, list: 0, key: None };
        let alone = Offerings { others: false, ..game() };
        assert!(alone.next(&empty, &event(create, offering(0, false))).is_empty());
        assert_eq!(alone.next(&empty, &event(create, offering(0, true))).len(), 1);
        assert_eq!(game().next(&empty, &event(create, Reply::Lost)).len(), 2);
    }

    #[test]
    fn whoever_may_follow_a_deleted_main_is_open() {
        let before = scene(&[Some(0), Some(1)], Main::Slot(0));
        let after = game().next(&before, &event(Step::Delete { slot: 0 }, Reply::Gone));
        let mains: Vec<_> = after.iter().map(|scene| scene.main).collect();
        assert_eq!(mains, [Main::Nobody, Main::Slot(1), Main::Anchor, Main::Other]);
    }

    #[test]
    fn what_is_left_out_does_not_count() {
        let now = scene(&[Some(0)], Main::Other);
        let got = event(Step::Get { slot: 0 }, offering(1, true));
        let allows = |look| Offerings { look, ..game() }.next(&now, &got).len();
        assert_eq!([allows(Look::Whole), allows(Look::NotRoles), allows(Look::NotProducts)], [0, 0, 0]);
        let got = event(Step::Get { slot: 0 }, offering(1, false));
        let allows = |look| Offerings { look, ..game() }.next(&now, &got).len();
        assert_eq!([allows(Look::Whole), allows(Look::NotRoles), allows(Look::NotProducts)], [0, 0, 1]);
    }
}
