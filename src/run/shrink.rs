//! Shrinks a failing sequence to the shortest and simplest one that fails in the same way.
//!
//! The search is asynchronous, works on the steps themselves, and does not depend on their meaning or how they run.
//! Start at [`shrink`].

use std::collections::HashSet;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::offerings::input::{Input, Origin};
use crate::offerings::sequence::{OfferingRef, Slot, Step};

#[cfg(test)]
mod tests;

/// Longest sequence in which every pair of steps is removed; in a longer one both steps must have the same name.
const MAX_STEPS_FOR_ALL_PAIRS: usize = 7;

/// Work limit of one search: each candidate costs as many units as it has steps, at least [`MIN_WORK`]. Candidates that
/// do not run count too, since creating them takes time.
const MAX_WORK: usize = 1_000_000;

/// Least cost of a candidate.
const MIN_WORK: usize = 16;

/// A step that can be simplified.
pub trait Shrinkable: Clone + Eq + Hash {
    /// Name of the object that steps refer to.
    type Name: Clone + Eq;

    /// Simpler steps, the simplest first; `None` for a candidate that does not qualify. Repeated simplification must
    /// terminate.
    fn simpler(&self) -> impl Iterator<Item = Option<Self>> + Send;

    /// The name that the step refers to.
    fn name(&self) -> Option<Self::Name>;

    /// The same step with the name `from` replaced by `to`.
    #[must_use]
    fn rename(&self, from: &Self::Name, to: &Self::Name) -> Self;

    /// The same step with a reference to this name; `None` unless its reference is indirect.
    fn pointing(&self, to: &Self::Name) -> Option<Self>;

    /// The simplest names, by number; `None` after the last one.
    fn plain(index: usize) -> Option<Self::Name>;
}

/// How and where a sequence fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailingStep<W> {
    /// Index of the step.
    pub at: usize,
    /// Identifies the failure; equal for the same defect.
    pub way: W,
}

/// Result of shrinking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk<S> {
    /// The shortest known sequence that fails in the same way.
    pub steps: Vec<S>,
    /// Number of steps before shrinking.
    pub from: usize,
    /// Number of sequences that ran.
    pub attempts: usize,
    /// Whether the budget ended the search: then a shorter sequence may exist.
    pub exhausted: bool,
}

/// Shrinks with a cheap way to run sequences if it shows the failure too, then with the thorough one. Other parameters
/// as for [`shrink`].
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
        let shrunk = shrink(steps.clone(), first, &has_budget, &cheap).await;
        attempts += shrunk.attempts + 1;
        if let Some(failure) = thorough(shrunk.steps.clone()).await.filter(|failure| failure.way == first.way) {
            at = failure.at;
            steps = shrunk.steps;
        }
    }
    let shrunk = shrink_from(steps, at, &first.way, |tried| has_budget(attempts + tried), thorough).await;
    Shrunk { from, attempts: attempts + shrunk.attempts, ..shrunk }
}

/// Shrinks a sequence that fails as in `first`. `run` runs a candidate; before each, `has_budget` receives the number
/// of attempts.
pub async fn shrink<S, W, P, F, B>(steps: Vec<S>, first: &FailingStep<W>, has_budget: B, run: P) -> Shrunk<S>
where
    S: Shrinkable,
    W: PartialEq,
    P: Fn(Vec<S>) -> F,
    F: Future<Output = Option<FailingStep<W>>>,
    B: Fn(usize) -> bool,
{
    shrink_from(steps, first.at, &first.way, has_budget, run).await
}

async fn shrink_from<S, W, P, F, B>(steps: Vec<S>, at: usize, way: &W, has_budget: B, run: P) -> Shrunk<S>
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
    let mut search =
        ShrinkSearch { current, way, tried: HashSet::new(), attempts: 0, work: 0, has_budget, run_candidate: run };
    let exhausted = search.run().await.is_err();
    Shrunk { steps: search.current, from, attempts: search.attempts, exhausted }
}

/// The budget is exhausted.
struct Exhausted;

struct ShrinkSearch<'w, S, W, P, B> {
    current: Vec<S>,
    way: &'w W,
    /// Hashes of the candidates that ran.
    tried: HashSet<u64>,
    attempts: usize,
    work: usize,
    has_budget: B,
    run_candidate: P,
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
                return self.use_plain_names().await;
            }
        }
    }

    /// Accepts the candidate, up to its failing step, if it fails in the same way.
    async fn accept(&mut self, mut candidate: Vec<S>) -> Result<bool, Exhausted> {
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
        match (self.run_candidate)(candidate.clone()).await {
            Some(failure) if failure.way == *self.way => {
                candidate.truncate(failure.at + 1);
                self.current = candidate;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Counts the work on a candidate with this number of steps, and yields: signals and time limits take effect even
    /// if no candidate runs.
    async fn spend(&mut self, steps: usize) -> Result<(), Exhausted> {
        tokio::task::yield_now().await;
        self.work += steps.max(MIN_WORK);
        if self.work > MAX_WORK { Err(Exhausted) } else { Ok(()) }
    }

    /// Removes all steps without a name, then all steps with one name after the other.
    async fn drop_names(&mut self) -> Result<(), Exhausted> {
        let without = |steps: &[S], name: Option<&S::Name>| -> Vec<S> {
            steps.iter().filter(|step| step.name().as_ref() != name).cloned().collect()
        };
        self.accept(without(&self.current, None)).await?;
        for name in self.names() {
            self.accept(without(&self.current, Some(&name))).await?;
        }
        Ok(())
    }

    /// Removes halves, then quarters, down to single steps, from the end, until no single step can be removed.
    async fn drop_steps(&mut self) -> Result<(), Exhausted> {
        let mut size = (self.current.len() / 2).max(1);
        loop {
            let mut end = self.current.len();
            let mut shorter = false;
            while end > 0 {
                let start = end.saturating_sub(size);
                let rest = [&self.current[..start], &self.current[end..]].concat();
                if self.accept(rest).await? {
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

    /// Simplifies the steps, one at a time.
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
                if self.accept(candidate).await? {
                    continue 'steps;
                }
            }
            place += 1;
        }
        Ok(())
    }

    /// Replaces indirect references by names.
    async fn point(&mut self) -> Result<(), Exhausted> {
        for place in 0..self.current.len() {
            for name in self.names().into_iter().chain(self.fresh()) {
                let Some(step) = self.current.get(place).and_then(|step| step.pointing(&name)) else { break };
                let mut candidate = self.current.clone();
                candidate[place] = step;
                self.accept(candidate).await?;
            }
        }
        Ok(())
    }

    /// Replaces two names by one.
    async fn unify(&mut self) -> Result<(), Exhausted> {
        let names = self.names();
        for name in &names {
            for other in names.iter().filter(|other| *other != name) {
                let candidate: Vec<S> = self.current.iter().map(|step| step.rename(other, name)).collect();
                if candidate != self.current {
                    self.accept(candidate).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes a step and renames the later ones: a new offering may replace one that was deleted and recreated.
    async fn renew(&mut self) -> Result<(), Exhausted> {
        for place in (0..self.current.len()).rev() {
            let name = self.current.get(place).and_then(Shrinkable::name);
            let Some((name, fresh)) = name.zip(self.fresh()) else { continue };
            let later: Vec<S> = self.current[place + 1..].iter().map(|step| step.rename(&name, &fresh)).collect();
            if later != self.current[place + 1..] {
                self.accept([&self.current[..place], &later].concat()).await?;
            }
        }
        Ok(())
    }

    /// Moves steps to just before the next step with the same name: a setup step may then replace a step between them.
    async fn delay(&mut self) -> Result<(), Exhausted> {
        for place in (0..self.current.len()).rev() {
            let Some(name) = self.current.get(place).and_then(Shrinkable::name) else { continue };
            let mut rest = self.current[place + 1..].iter();
            let Some(between) = rest.position(|step| step.name().as_ref() == Some(&name)) else { continue };
            let mut candidate = self.current.clone();
            candidate[place..=place + between].rotate_left(1);
            if candidate != self.current {
                self.accept(candidate).await?;
            }
        }
        Ok(())
    }

    /// Removes each pair of steps, such as a step and the one that undoes it.
    async fn drop_pairs(&mut self) -> Result<(), Exhausted> {
        for first in 0..self.current.len() {
            for second in first + 1..self.current.len() {
                let (one, other) = (self.current[first].name(), self.current[second].name());
                if self.current.len() > MAX_STEPS_FOR_ALL_PAIRS && (one.is_none() || one != other) {
                    continue;
                }
                let mut candidate = self.current.clone();
                candidate.remove(second);
                candidate.remove(first);
                if self.accept(candidate).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Replaces all names by the simplest ones.
    async fn use_plain_names(&mut self) -> Result<(), Exhausted> {
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
            self.accept(candidate).await?;
        }
        Ok(())
    }

    /// The simplest unused name.
    fn fresh(&self) -> Option<S::Name> {
        let names = self.names();
        (0..).map_while(S::plain).find(|name| !names.contains(name))
    }

    /// The names in the order of their first use.
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
        Step::simplifications(self).into_iter().map(Some)
    }

    fn name(&self) -> Option<Slot> {
        self.slot()
    }

    fn rename(&self, from: &Slot, to: &Slot) -> Self {
        Step::rename(self, *from, *to)
    }

    fn pointing(&self, to: &Slot) -> Option<Self> {
        (self.offering() == Some(OfferingRef::Main)).then(|| self.with_offering(OfferingRef::Slot(*to)))
    }

    fn plain(index: usize) -> Option<Slot> {
        Slot::plain(index)
    }
}

impl Shrinkable for Input {
    /// Inputs have no names.
    type Name = ();

    /// Only random inputs can be simplified; an input at a limit would lose its meaning.
    fn simpler(&self) -> impl Iterator<Item = Option<Self>> {
        let is_random = matches!(self.origin, Origin::Random(_));
        is_random.then(|| Input::simplifications(self)).into_iter().flatten()
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
