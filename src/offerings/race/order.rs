//! Whether an order of the requests of several clients explains their responses: the search of Wing and Gong.
//!
//! It does not depend on offerings: the [`Model`] defines what a request may return and which states may follow. A
//! request without a response may have been applied at any time after its start, or never. Start at [`explain`].

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

/// The maximum number of requests of one history: the search has a bit for each.
pub const MAX_COUNT: usize = 128;

/// What a single request may return and change.
pub trait Model {
    /// The state of the server between two requests.
    type State: Clone + Eq + Hash;
    /// A request with its response, as far as it is known.
    type Event;

    /// The states that may follow when `event` happens in `state` at one moment; none when its response is impossible
    /// there.
    fn next(&self, state: &Self::State, event: &Self::Event) -> Vec<Self::State>;

    /// Whether `event` changes no state: a read, or a rejected write. [`Model::next`] may still return a state of which
    /// more is known.
    fn is_read(&self, event: &Self::Event) -> bool;
}

/// One request of a history.
#[derive(Clone, Debug)]
pub struct HistoryCall<E> {
    /// The request and its response.
    pub event: E,
    /// The earliest time at which it may have taken effect, on any clock.
    pub start: u64,
    /// The latest such time, on the same clock; `None`: any time later, or never.
    pub end: Option<u64>,
}

/// The result of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchResult {
    /// An order exists: the indexes of the calls in it, without calls that never took effect.
    Explained(Vec<usize>),
    /// No order exists. This is the index of the first call, by end, that no order explains together with the calls
    /// that ended before it.
    Unexplained(usize),
    /// The budget was used up, or there are more calls than [`MAX_COUNT`].
    Unknown,
}

/// The work that a search may do, in units instead of time: so the result for a history is the same on every machine.
/// Each visited point and each call of the model takes one unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// A budget of this many units.
    pub fn of(units: u64) -> Self {
        Self { left: units }
    }

    /// How many units are left.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Moves up to this many units to a new budget.
    #[must_use]
    pub fn split(&mut self, units: u64) -> Self {
        let units = units.min(self.left);
        self.left -= units;
        Self { left: units }
    }

    /// Returns the unused units of a split budget.
    pub fn join(&mut self, rest: &Self) {
        self.left += rest.left;
    }

    /// Uses one unit; `false` when there is none left.
    fn spend(&mut self) -> bool {
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

/// Searches within `budget` for an order of `calls`, compatible with real time, in which `model` allows every response.
pub fn explain<M: Model>(
    model: &M,
    initial: M::State,
    calls: &[HistoryCall<M::Event>],
    budget: &mut Budget,
) -> SearchResult {
    OrderSearch::new(model, initial, calls, budget).run().0
}

struct OrderSearch<'m, M: Model> {
    model: &'m M,
    calls: &'m [HistoryCall<M::Event>],
    /// Indexes of the calls by start.
    begun: Vec<usize>,
    /// Indexes of the calls that ended, by end: they must be in the order.
    ended: Vec<usize>,
    /// Every state found so far, by its number; the first is the initial one. A model may be slow and a state large, so
    /// the model is called once for each state and call.
    states: Vec<M::State>,
    /// The number of each state.
    numbers: HashMap<M::State, usize>,
    /// For each state and call the numbers of the states that may follow, once computed.
    next: Vec<Vec<Option<Rc<[usize]>>>>,
    budget: &'m mut Budget,
}

/// The budget is used up.
struct SearchExhausted;

/// A point of the search: the calls done, and the calls that may follow, each with the number of the next state, in
/// reverse order.
struct SearchFrame {
    done: u128,
    choices: Vec<(usize, usize)>,
}

impl<'m, M: Model> OrderSearch<'m, M> {
    fn new(model: &'m M, initial: M::State, calls: &'m [HistoryCall<M::Event>], budget: &'m mut Budget) -> Self {
        let mut begun: Vec<usize> = (0..calls.len()).collect();
        begun.sort_by_key(|&place| calls[place].start);
        let mut ended: Vec<usize> = (0..calls.len()).filter(|&place| calls[place].end.is_some()).collect();
        ended.sort_by_key(|&place| calls[place].end);
        let (states, numbers, next) = (Vec::new(), HashMap::new(), Vec::new());
        let mut search = Self { model, calls, begun, ended, states, numbers, next, budget };
        search.number(initial);
        search
    }

    /// The number of a state.
    fn number(&mut self, state: M::State) -> usize {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = self.states.len();
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        self.next.push(vec![None; self.calls.len()]);
        number
    }

    /// The numbers of the states that may follow a call.
    fn after(&mut self, state: usize, place: usize) -> Result<Rc<[usize]>, SearchExhausted> {
        if let Some(known) = &self.next[state][place] {
            return Ok(Rc::clone(known));
        }
        self.spend()?;
        let next = self.model.next(&self.states[state], &self.calls[place].event);
        let mut next: Vec<usize> = next.into_iter().map(|next| self.number(next)).collect();
        next.dedup();
        let next: Rc<[usize]> = next.into();
        self.next[state][place] = Some(Rc::clone(&next));
        Ok(next)
    }

    fn spend(&mut self) -> Result<(), SearchExhausted> {
        if self.budget.spend() { Ok(()) } else { Err(SearchExhausted) }
    }

    /// The result, and the number of visited points.
    fn run(&mut self) -> (SearchResult, u64) {
        let mut visited = 0;
        let result = if self.calls.len() > MAX_COUNT { Err(SearchExhausted) } else { self.search(&mut visited) };
        (result.unwrap_or(SearchResult::Unknown), visited)
    }

    fn search(&mut self, visited: &mut u64) -> Result<SearchResult, SearchExhausted> {
        let is_done = |done: u128, place: usize| done >> place & 1 == 1;
        let must: u128 = self.ended.iter().fold(0, |all, place| all | 1 << place);
        let mut seen: HashSet<(u128, usize)> = HashSet::new();
        // How many of the calls, by end, the best order so far contains.
        let mut best = 0;
        let mut path = Vec::new();
        let choices = self.choices(0, 0)?;
        let mut stack = vec![SearchFrame { done: 0, choices }];
        while let Some(frame) = stack.last_mut() {
            let done = frame.done;
            if done & must == must {
                return Ok(SearchResult::Explained(path));
            }
            *visited += 1;
            self.spend()?;
            if is_done(done, self.ended[best]) {
                best = best.max(self.ended.iter().take_while(|&&place| is_done(done, place)).count());
            }
            let next = loop {
                let Some((place, state)) = frame.choices.pop() else { break None };
                if seen.insert((done | 1 << place, state)) {
                    break Some((place, state));
                }
            };
            if let Some((place, state)) = next {
                let done = done | 1 << place;
                let choices = self.choices(done, state)?;
                path.push(place);
                stack.push(SearchFrame { done, choices });
            } else {
                stack.pop();
                path.pop();
            }
        }
        Ok(SearchResult::Unexplained(self.ended[best]))
    }

    /// The calls that may follow: those that started before the end of every call that is left. A read that is possible
    /// now and adds no knowledge is the only choice: an order with the read in a later position has one with it here.
    fn choices(&mut self, done: u128, state: usize) -> Result<Vec<(usize, usize)>, SearchExhausted> {
        let calls = self.calls;
        let is_left = |place: &usize| done >> place & 1 == 0;
        let horizon = self.ended.iter().copied().find(is_left).and_then(|place| calls[place].end).unwrap_or(u64::MAX);
        let may_begin = |place: &usize| calls[*place].start <= horizon;
        let left: Vec<usize> = self.begun.iter().copied().take_while(may_begin).filter(is_left).collect();
        let mut choices = Vec::new();
        for place in left {
            let next = self.after(state, place)?;
            let is_lost = calls[place].end.is_none();
            if !is_lost && *next == [state] && self.model.is_read(&calls[place].event) {
                return Ok(vec![(place, state)]);
            }
            // A call without a response that changes nothing needs no position in the order.
            choices.extend(next.iter().filter(|&&next| !(is_lost && next == state)).map(|&next| (place, next)));
        }
        // The call that started first comes first: mostly this is the actual order.
        choices.reverse();
        Ok(choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offerings::race::rng::RaceRng;

    /// A register that holds a small number.
    struct Register;

    #[derive(Clone, Copy, Debug)]
    struct Access {
        write: bool,
        value: u8,
    }

    impl Model for Register {
        type State = u8;
        type Event = Access;

        fn next(&self, state: &u8, event: &Access) -> Vec<u8> {
            match event {
                Access { write: true, value } => vec![*value],
                Access { value, .. } if value == state => vec![*state],
                Access { .. } => Vec::new(),
            }
        }

        fn is_read(&self, event: &Access) -> bool {
            !event.write
        }
    }

    /// A register that counts the calls of its model.
    #[derive(Debug, Default)]
    struct CountingRegister(std::cell::Cell<u64>);

    impl Model for CountingRegister {
        type State = u8;
        type Event = Access;

        fn next(&self, state: &u8, event: &Access) -> Vec<u8> {
            self.0.set(self.0.get() + 1);
            Register.next(state, event)
        }

        fn is_read(&self, event: &Access) -> bool {
            Register.is_read(event)
        }
    }

    fn call(write: bool, value: u8, start: u64, end: Option<u64>) -> HistoryCall<Access> {
        HistoryCall { event: Access { write, value }, start, end }
    }

    const BUDGET: u64 = 1_000_000;

    fn explain(calls: &[HistoryCall<Access>]) -> SearchResult {
        super::explain(&Register, 0, calls, &mut Budget::of(BUDGET))
    }

    fn run(calls: &[HistoryCall<Access>]) -> (SearchResult, u64) {
        OrderSearch::new(&Register, 0, calls, &mut Budget::of(BUDGET)).run()
    }

    #[test]
    fn only_overlapping_writes_may_change_places() {
        let overlapping = [call(true, 1, 0, Some(10)), call(true, 2, 1, Some(9)), call(false, 1, 11, Some(12))];
        assert_eq!(explain(&overlapping), SearchResult::Explained(vec![1, 0, 2]));
        let apart = [call(true, 1, 0, Some(1)), call(true, 2, 2, Some(3)), call(false, 1, 4, Some(5))];
        assert_eq!(explain(&apart), SearchResult::Unexplained(2));
    }

    #[test]
    fn a_lost_write_may_take_effect_late_or_never() {
        let lost = call(true, 1, 0, None);
        let never = [lost.clone(), call(false, 0, 1, Some(2))];
        assert_eq!(explain(&never), SearchResult::Explained(vec![1]));
        let late = [lost.clone(), call(false, 0, 1, Some(2)), call(false, 1, 3, Some(4))];
        assert_eq!(explain(&late), SearchResult::Explained(vec![1, 0, 2]));
        let twice = [lost, call(false, 1, 1, Some(2)), call(false, 0, 3, Some(4))];
        assert_eq!(explain(&twice), SearchResult::Unexplained(2));
    }

    /// A history of `clients` clients in turn on a correct register; each call takes effect at one moment of its span.
    fn history(seed: u64, clients: usize, length: usize) -> Vec<HistoryCall<Access>> {
        let mut rng = RaceRng::new(seed, "history", 0);
        let mut free = vec![0_u64; clients];
        let mut moments: Vec<(u64, usize, u64, u64, bool)> = (0..length)
            .map(|place| {
                let client = place % clients;
                let start = free[client] + rng.between(1, 20) as u64;
                let moment = start + rng.between(1, 60) as u64;
                let end = moment + rng.between(1, 60) as u64;
                free[client] = end;
                (moment, place, start, end, rng.below(2) == 0)
            })
            .collect();
        moments.sort_unstable();
        let mut value = 0;
        moments
            .into_iter()
            .map(|(_, _, start, end, write)| {
                if write {
                    value = rng.below(4) as u8;
                }
                call(write, value, start, Some(end))
            })
            .collect()
    }

    /// Limits the work, not the time, so that a slow machine does not fail.
    #[test]
    fn sixty_calls_of_six_clients_take_little_work() {
        for seed in 0..50 {
            let mut calls = history(seed, 6, 60);
            let (result, visited) = run(&calls);
            assert!(matches!(result, SearchResult::Explained(_)), "{seed}");
            assert!(visited < 20_000, "{seed}: {visited}");
            let read = calls.iter_mut().rfind(|call| !call.event.write).expect("half of them read");
            read.event.value = 9;
            let (result, visited) = run(&calls);
            let wrong = calls.iter().position(|call| !call.event.write && call.event.value == 9);
            assert_eq!(result, SearchResult::Unexplained(wrong.expect("it was just set")), "{seed}");
            assert!(visited < 200_000, "{seed}: {visited}");
        }
    }

    #[test]
    fn too_many_calls_or_too_much_work_is_unknown() {
        let many: Vec<_> = (0..129).map(|start| call(false, 9, start, Some(start + 1))).collect();
        assert_eq!(explain(&many), SearchResult::Unknown);
        // Every write has its own value, so that no state repeats.
        let mut wide: Vec<_> = (0..24).map(|value| call(true, value, 0, Some(100))).collect();
        wide.push(call(false, 99, 101, Some(102)));
        let mut budget = Budget::of(1_000);
        assert_eq!(super::explain(&Register, 0, &wide, &mut budget), SearchResult::Unknown);
        assert_eq!(budget, Budget::of(0));
        // Calls of the model are limited as well.
        let counting = CountingRegister::default();
        assert_eq!(super::explain(&counting, 0, &wide, &mut Budget::of(100)), SearchResult::Unknown);
        assert!(counting.0.get() > 10 && counting.0.get() <= 100, "{counting:?}");
    }
}
