//! A failing history is made as short and plain as it goes.
//!
//! Works on the steps themselves, so that everything can wait for the target in between. A smaller history counts only
//! if it fails in the same way. It refuses to know what steps are and how they are played: start at [`shrink`].

use std::collections::HashSet;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::offerings::input::{Input, Origin};
use crate::offerings::sequence::{OfferingRef, Slot, Step};

#[cfg(test)]
mod tests;

/// A longer history is tried without pairs of steps only where both have the same name.
const FEW: usize = 7;

/// The most work that one search does: for each candidate as many units as it has steps, and [`MIN_WORK`] at least.
/// Candidates count whether they are played or not, for making them takes time too.
const MAX_WORK: usize = 1_000_000;

/// What a short candidate costs.
const MIN_WORK: usize = 16;

/// What can be made simpler.
pub trait Shrinkable: Clone + Eq + Hash {
    /// What steps refer to.
    type Name: Clone + Eq;

    /// Simpler steps that may do as well, the simplest first, one at a time; `None` stands for a step that was looked at
    /// and does not qualify. Taking them again and again must come to an end.
    fn simpler(&self) -> impl Iterator<Item = Option<Self>> + Send;

    /// What the step refers to.
    fn name(&self) -> Option<Self::Name>;

    /// The same step with one name put for another.
    #[must_use]
    fn rename(&self, from: &Self::Name, to: &Self::Name) -> Self;

    /// The same step about this name; `None` unless it refers to one in another way.
    fn pointing(&self, to: &Self::Name) -> Option<Self>;

    /// The plainest names, by number; `None` when there are no more.
    fn plain(index: usize) -> Option<Self::Name>;
}

/// How and where a history fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailingStep<W> {
    /// At which step, from 0.
    pub at: usize,
    /// In which way: the same fault, the same way.
    pub way: W,
}

/// What shrinking came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk<S> {
    /// The shortest history that was found to fail in the same way.
    pub steps: Vec<S>,
    /// How many steps it had at first.
    pub from: usize,
    /// How many histories were tried.
    pub attempts: usize,
    /// Whether the budget ended it: then a shorter one may exist.
    pub exhausted: bool,
}

/// Shrinks by a cheap way of playing as far as it shows the failure too, and by the thorough one from there.
/// `cheap` looks at what comes of a history at its end alone. The rest as for [`shrink`].
pub async fn shrink_by_both<S, W, C, P, F, G, B>(
    mut steps: Vec<S>,
    first: &FailingStep<W>,
    has_budget: B,
    cheap: C,
    thorough: P,
) -> Shrunk<S>
where
    S: Shrinkable,
    W: PartialEq,
    C: Fn(Vec<S>) -> F,
    P: Fn(Vec<S>) -> G,
    F: Future<Output = Option<FailingStep<W>>>,
    G: Future<Output = Option<FailingStep<W>>>,
    B: Fn(usize) -> bool,
{
    let from = steps.len();
    steps.truncate(first.at + 1);
    let mut attempts = 1;
    let mut at = first.at;
    if cheap(steps.clone()).await.is_some_and(|failure| failure.way == first.way) {
        let small = shrink(steps.clone(), first, &has_budget, &cheap).await;
        attempts += small.attempts + 1;
        if let Some(failure) = thorough(small.steps.clone()).await.filter(|failure| failure.way == first.way) {
            at = failure.at;
            steps = small.steps;
        }
    }
    let small = shrink_from(steps, at, &first.way, |tried| has_budget(attempts + tried), thorough).await;
    Shrunk { from, attempts: attempts + small.attempts, ..small }
}

/// Shrinks a history that fails as `first` says. `play` tries one; `has_budget` is asked before each.
pub async fn shrink<S, W, P, F, B>(steps: Vec<S>, first: &FailingStep<W>, has_budget: B, play: P) -> Shrunk<S>
where
    S: Shrinkable,
    W: PartialEq,
    P: Fn(Vec<S>) -> F,
    F: Future<Output = Option<FailingStep<W>>>,
    B: Fn(usize) -> bool,
{
    shrink_from(steps, first.at, &first.way, has_budget, play).await
}

async fn shrink_from<S, W, P, F, B>(steps: Vec<S>, at: usize, way: &W, has_budget: B, play: P) -> Shrunk<S>
where
    S: Shrinkable,
    W: PartialEq,
    P: Fn(Vec<S>) -> F,
    F: Future<Output = Option<FailingStep<W>>>,
    B: Fn(usize) -> bool,
{
    let from = steps.len();
    let mut current = steps;
    current.truncate(at + 1);
    let mut search = ShrinkSearch { current, way, tried: HashSet::new(), attempts: 0, work: 0, has_budget, play };
    let exhausted = search.run().await.is_err();
    Shrunk { steps: search.current, from, attempts: search.attempts, exhausted }
}

/// The budget is used up: nothing more is tried.
struct Exhausted;

struct ShrinkSearch<'w, S, W, P, B> {
    current: Vec<S>,
    way: &'w W,
    /// Hashes of the candidates that were played.
    tried: HashSet<u64>,
    attempts: usize,
    work: usize,
    has_budget: B,
    play: P,
}

impl<S, W, P, F, B> ShrinkSearch<'_, S, W, P, B>
where
    S: Shrinkable,
    W: PartialEq,
    P: Fn(Vec<S>) -> F,
    F: Future<Output = Option<FailingStep<W>>>,
    B: Fn(usize) -> bool,
{
    async fn run(&mut self) -> Result<(), Exhausted> {
        self.drop_names().await?;
        loop {
            let before = self.current.clone();
            self.drop_steps().await?;
            self.simplify().await?;
            self.point().await?;
            self.unify().await?;
            if self.current == before {
                self.renew().await?;
            }
            if self.current == before {
                self.delay().await?;
            }
            if self.current == before {
                self.drop_pairs().await?;
            }
            if self.current == before {
                return self.plainly().await;
            }
        }
    }

    /// Takes the candidate, up to the step at which it fails, if it fails in the same way.
    async fn takes(&mut self, mut candidate: Vec<S>) -> Result<bool, Exhausted> {
        self.spend(candidate.len()).await?;
        let mut hasher = DefaultHasher::new();
        candidate.hash(&mut hasher);
        let hash = hasher.finish();
        if candidate.is_empty() || self.tried.contains(&hash) {
            return Ok(false);
        }
        if !(self.has_budget)(self.attempts) {
            return Err(Exhausted);
        }
        self.tried.insert(hash);
        self.attempts += 1;
        match (self.play)(candidate.clone()).await {
            Some(failure) if failure.way == *self.way => {
                candidate.truncate(failure.at + 1);
                self.current = candidate;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Counts the work on a candidate of so many steps, and lets others go on: who waits beside a search for a signal or
    /// for the end of its time is heard though nothing is played.
    async fn spend(&mut self, steps: usize) -> Result<(), Exhausted> {
        tokio::task::yield_now().await;
        self.work += steps.max(MIN_WORK);
        if self.work > MAX_WORK { Err(Exhausted) } else { Ok(()) }
    }

    /// Leaves out everything that refers to nobody by name, then everything about one name after the other.
    async fn drop_names(&mut self) -> Result<(), Exhausted> {
        let without = |steps: &[S], name: Option<&S::Name>| -> Vec<S> {
            steps.iter().filter(|step| step.name().as_ref() != name).cloned().collect()
        };
        self.takes(without(&self.current, None)).await?;
        for name in self.names() {
            self.takes(without(&self.current, Some(&name))).await?;
        }
        Ok(())
    }

    /// Leaves out halves, then quarters, down to single steps, from the back, until no single one can be spared.
    async fn drop_steps(&mut self) -> Result<(), Exhausted> {
        let mut size = (self.current.len() / 2).max(1);
        loop {
            let mut end = self.current.len();
            let mut shorter = false;
            while end > 0 {
                let start = end.saturating_sub(size);
                let rest = [&self.current[..start], &self.current[end..]].concat();
                if self.takes(rest).await? {
                    shorter = true;
                    end = start.min(self.current.len());
                } else {
                    end = start;
                }
            }
            if size > 1 {
                size /= 2;
            } else if !shorter {
                return Ok(());
            }
        }
    }

    /// Makes the steps simpler, one at a time.
    async fn simplify(&mut self) -> Result<(), Exhausted> {
        let mut place = 0;
        'steps: while place < self.current.len() {
            let step = self.current[place].clone();
            for simpler in step.simpler() {
                let Some(simpler) = simpler else {
                    self.spend(1).await?;
                    continue;
                };
                let mut candidate = self.current.clone();
                candidate[place] = simpler;
                if self.takes(candidate).await? {
                    continue 'steps;
                }
            }
            place += 1;
        }
        Ok(())
    }

    /// Lets steps refer by name that need not refer in another way.
    async fn point(&mut self) -> Result<(), Exhausted> {
        for place in 0..self.current.len() {
            for name in self.names().into_iter().chain(self.fresh()) {
                let Some(step) = self.current.get(place).and_then(|step| step.pointing(&name)) else { break };
                let mut candidate = self.current.clone();
                candidate[place] = step;
                self.takes(candidate).await?;
            }
        }
        Ok(())
    }

    /// Lets names be one that need not be two.
    async fn unify(&mut self) -> Result<(), Exhausted> {
        let names = self.names();
        for kept in &names {
            for other in names.iter().filter(|other| *other != kept) {
                let candidate: Vec<S> = self.current.iter().map(|step| step.rename(other, kept)).collect();
                if candidate != self.current {
                    self.takes(candidate).await?;
                }
            }
        }
        Ok(())
    }

    /// Leaves out a step and lets those after it be about a new name: instead of a second life another offering may do.
    async fn renew(&mut self) -> Result<(), Exhausted> {
        for place in (0..self.current.len()).rev() {
            let name = self.current.get(place).and_then(Shrinkable::name);
            let Some((name, fresh)) = name.zip(self.fresh()) else { continue };
            let later: Vec<S> = self.current[place + 1..].iter().map(|step| step.rename(&name, &fresh)).collect();
            if later != self.current[place + 1..] {
                self.takes([&self.current[..place], &later].concat()).await?;
            }
        }
        Ok(())
    }

    /// Moves steps to where what they refer to is needed: what was a preparation may then do for a step between that
    /// could not be spared before.
    async fn delay(&mut self) -> Result<(), Exhausted> {
        for place in (0..self.current.len()).rev() {
            let Some(name) = self.current.get(place).and_then(Shrinkable::name) else { continue };
            let mut rest = self.current[place + 1..].iter();
            let Some(between) = rest.position(|step| step.name().as_ref() == Some(&name)) else { continue };
            let mut candidate = self.current.clone();
            candidate[place..=place + between].rotate_left(1);
            if candidate != self.current {
                self.takes(candidate).await?;
            }
        }
        Ok(())
    }

    /// Leaves out each pair: a step and the one that undoes it. In a long history both must refer to the same name.
    async fn drop_pairs(&mut self) -> Result<(), Exhausted> {
        for first in 0..self.current.len() {
            for second in first + 1..self.current.len() {
                let (one, other) = (self.current[first].name(), self.current[second].name());
                if self.current.len() > FEW && (one.is_none() || one != other) {
                    continue;
                }
                let mut candidate = self.current.clone();
                candidate.remove(second);
                candidate.remove(first);
                if self.takes(candidate).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Uses the plainest names: all of them at once, or else as many as can be had.
    async fn plainly(&mut self) -> Result<(), Exhausted> {
        let names = self.names();
        let plain: Option<Vec<_>> = (0..names.len()).map(S::plain).collect();
        if let Some(plain) = plain
            && plain != names
        {
            let rename = |step: &S| {
                let place = step.name().and_then(|name| names.iter().position(|known| *known == name));
                place.map_or_else(|| step.clone(), |place| step.rename(&names[place], &plain[place]))
            };
            let candidate = self.current.iter().map(rename).collect();
            self.takes(candidate).await?;
        }
        Ok(())
    }

    /// The plainest name that nothing refers to.
    fn fresh(&self) -> Option<S::Name> {
        let names = self.names();
        (0..).map_while(S::plain).find(|name| !names.contains(name))
    }

    /// What the steps refer to, in the order in which they do.
    fn names(&self) -> Vec<S::Name> {
        let mut names = Vec::new();
        for name in self.current.iter().filter_map(Shrinkable::name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Shrinkable for Step {
    type Name = Slot;

    fn simpler(&self) -> impl Iterator<Item = Option<Self>> {
        Step::simpler(self).into_iter().map(Some)
    }

    fn name(&self) -> Option<Slot> {
        self.slot()
    }

    fn rename(&self, from: &Slot, to: &Slot) -> Self {
        Step::rename(self, *from, *to)
    }

    fn pointing(&self, to: &Slot) -> Option<Self> {
        (self.who() == Some(OfferingRef::Main)).then(|| self.about(OfferingRef::Slot(*to)))
    }

    fn plain(index: usize) -> Option<Slot> {
        Slot::plain(index)
    }
}

impl Shrinkable for Input {
    /// Inputs do not refer to each other.
    type Name = ();

    /// What was generated has no meaning of its own; what stands at a limit would lose its.
    fn simpler(&self) -> impl Iterator<Item = Option<Self>> {
        let is_random = matches!(self.origin, Origin::Random(_));
        is_random.then(|| Input::simpler(self)).into_iter().flatten()
    }

    fn name(&self) -> Option<()> {
        None
    }

    fn rename(&self, (): &(), (): &()) -> Self {
        self.clone()
    }

    fn pointing(&self, (): &()) -> Option<Self> {
        None
    }

    fn plain(_: usize) -> Option<()> {
        None
    }
}
