//! Numbers and verdicts in words.

use crate::finding::{Ending, Outcome, Verdict, WaiverOutcome};

/// `1 request`, `2 requests`. The plural of every counted noun ends with `s`.
pub fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// `250 ms`, `1.2 s`, `3 min 5 s`.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}

/// `850 µs`, `1.2 ms`, `3.4 s`.
pub(super) fn micros(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..10_000 => format!("{}.{} ms", microseconds / 1_000, microseconds % 1_000 / 100),
        _ => duration(microseconds / 1_000),
    }
}

/// The result of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RunStatus {
    /// The contract was kept.
    Kept,
    /// The contract was broken.
    Broken,
    /// Neither: the run tested too little or did not clean up, a waiver expired, or all violations are known.
    Unclear,
}

/// The verdict on a run as a clause; it agrees with [`Outcome::exit_code`].
pub(super) fn run_status(outcome: &Outcome) -> (RunStatus, String) {
    let violations = outcome.violations().count();
    if violations > 0 {
        let cut =
            if outcome.ending == Ending::Interrupted { ", and interrupted before the rest was tested" } else { "" };
        return (RunStatus::Broken, format!("contract broken: {}{cut}", count(violations, "violation")));
    }
    match &outcome.ending {
        Ending::Interrupted => (RunStatus::Unclear, "interrupted before everything was tested".into()),
        Ending::GaveUp(_) => (RunStatus::Unclear, "the target could not be tested".into()),
        _ if outcome.tested_nothing() => (RunStatus::Unclear, "nothing was tested".into()),
        _ if !outcome.left_behind.is_empty() || !outcome.changed_by_server.is_empty() => {
            (RunStatus::Unclear, "contract kept, but the target was not left as it was".into())
        }
        _ if outcome.undecided().next().is_some() => (RunStatus::Unclear, undecided(outcome)),
        _ if outcome.expired_waivers().next().is_some() => (RunStatus::Unclear, overdue(outcome)),
        _ if outcome.known().next().is_some() => (RunStatus::Unclear, as_before(outcome)),
        Ending::Stopped(_) => (RunStatus::Kept, "contract kept as far as it was tested".into()),
        Ending::Complete => (RunStatus::Kept, format!("contract kept{}", exceptions(outcome))),
    }
}

/// `not decided: create.echo and get.missing are inconclusive (--allow-inconclusive accepts that)`.
fn undecided(outcome: &Outcome) -> String {
    let what = match &outcome.undecided().map(|rule| rule.id.as_str()).collect::<Vec<_>>()[..] {
        [only] => format!("{only} is inconclusive"),
        [one, other] => format!("{one} and {other} are inconclusive"),
        all => format!("{} are inconclusive", count(all.len(), "must rule")),
    };
    format!("not decided: {what} (--allow-inconclusive accepts that)")
}

/// `no new violation, but the waiver of delete.* expired: renew it or remove it`.
fn overdue(outcome: &Outcome) -> String {
    let kept = if outcome.known().next().is_some() { "no new violation" } else { "contract kept" };
    match &outcome.expired_waivers().map(WaiverOutcome::subject).collect::<Vec<_>>()[..] {
        [only] => format!("{kept}, but the waiver of {only} expired: renew it or remove it"),
        all => format!("{kept}, but {} expired: renew them or remove them", count(all.len(), "waiver")),
    }
}

/// `no new violation, but 2 known violations of the baseline`.
fn as_before(outcome: &Outcome) -> String {
    let known = count(outcome.known().count(), "known violation");
    format!("no new violation, but {known} of the baseline{}", exceptions(outcome))
}

/// `, with 1 warning and 2 waived findings`; empty if there are none.
fn exceptions(outcome: &Outcome) -> String {
    let (warnings, waived) = (outcome.warnings().count(), outcome.waived().count());
    let parts: Vec<String> = [(warnings, "warning"), (waived, "waived finding")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if parts.is_empty() { String::new() } else { format!(", with {}", parts.join(" and ")) }
}

/// Why the run is incomplete; `None` if it is complete.
pub(super) fn shortfall(ending: &Ending) -> Option<String> {
    match ending {
        // The verdict says that a run was interrupted.
        Ending::Complete | Ending::Interrupted => None,
        Ending::Stopped(reason) => Some(format!("stopped early: {reason}")),
        Ending::GaveUp(reason) => Some(format!("gave up: {reason}")),
    }
}

/// The order of the verdicts in the counts.
const COUNTED: [Verdict; 6] =
    [Verdict::Passed, Verdict::Violated, Verdict::Warned, Verdict::Observed, Verdict::Skipped, Verdict::Inconclusive];

/// Each verdict with its number of rules: `67 passed, 1 violated, …`.
pub(super) fn counted(outcome: &Outcome) -> impl Iterator<Item = (Verdict, usize)> {
    COUNTED.into_iter().map(|verdict| (verdict, outcome.summary.of(verdict)))
}

/// How many documented responses were received, and how many there are.
pub(super) fn responses_seen(outcome: &Outcome) -> (usize, usize) {
    let documented = || outcome.coverage.responses.iter().filter(|seen| seen.documented);
    (documented().filter(|seen| seen.count > 0).count(), documented().count())
}

/// The areas in the order of the catalogue, each with its rules, even if they are not adjacent.
pub(super) fn areas(outcome: &Outcome) -> Vec<(&str, Vec<&crate::finding::RuleOutcome>)> {
    let mut areas: Vec<(&str, Vec<_>)> = Vec::new();
    for rule in &outcome.rules {
        match areas.iter_mut().find(|(area, _)| *area == rule.area) {
            Some((_, rules)) => rules.push(rule),
            None => areas.push((&rule.area, vec![rule])),
        }
    }
    areas
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::finding::WaiverState;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(count(1_u64, "check"), "1 check");
        assert_eq!(count(0_u64, "check"), "0 checks");
        assert_eq!(count(12_usize, "check"), "12 checks");
    }

    #[test]
    fn a_duration_has_a_suitable_unit() {
        assert_eq!(duration(999), "999 ms");
        assert_eq!(duration(1_234), "1.2 s");
        assert_eq!(duration(59_999), "59.9 s");
        assert_eq!(duration(185_000), "3 min 5 s");
        assert_eq!([850, 1_250, 12_345, 3_400_000].map(micros), ["850 µs", "1.2 ms", "12 ms", "3.4 s"]);
    }

    fn expired() -> WaiverOutcome {
        WaiverOutcome {
            rule: Some("delete.removes".into()),
            operation: None,
            fingerprint: None,
            reason: "the cache".into(),
            owner: "payments".into(),
            expires: "2026-01-01".into(),
            state: WaiverState::Expired,
            findings: Vec::new(),
        }
    }

    #[test]
    fn known_violations_are_reported_and_do_not_fail() {
        let earlier = sample::fixed();
        let mut outcome = sample::fixed();
        outcome.left_behind.clear();
        outcome.changed_by_server.clear();
        outcome.allows_inconclusive = true;
        outcome.measure_by(&earlier);
        assert_eq!((outcome.exit_code(), outcome.summary.of(Verdict::Violated)), (0, 0));
        let (status, clause) = run_status(&outcome);
        assert_eq!(status, RunStatus::Unclear);
        assert!(clause.starts_with("no new violation, but 2 known violations of the baseline"), "{clause}");
        let again = sample::fixed();
        let mut third = outcome.clone();
        third.findings.clone_from(&again.findings);
        third.measure_by(&outcome);
        assert_eq!(third.exit_code(), 0, "known violations stay known");
        outcome.waivers.push(expired());
        assert_eq!(
            (run_status(&outcome).1.as_str(), outcome.exit_code()),
            ("no new violation, but the waiver of delete.removes expired: renew it or remove it", 1)
        );
    }

    #[test]
    fn the_run_status_agrees_with_the_exit_code() {
        let interrupted = Outcome { ending: Ending::Interrupted, ..sample::fixed() };
        let cut = "contract broken: 2 violations, and interrupted before the rest was tested";
        assert_eq!((run_status(&interrupted).1.as_str(), interrupted.exit_code()), (cut, 130));
        let mut outcome = sample::fixed();
        let mut agree = |change: fn(&mut Outcome), expected: RunStatus, exit: u8| {
            change(&mut outcome);
            assert_eq!((run_status(&outcome).0, outcome.exit_code()), (expected, exit), "{}", run_status(&outcome).1);
        };
        agree(|_| {}, RunStatus::Broken, 1);
        agree(|outcome| outcome.findings.clear(), RunStatus::Unclear, 3);
        agree(|outcome| outcome.allows_inconclusive = true, RunStatus::Unclear, 3);
        agree(|outcome| outcome.left_behind.clear(), RunStatus::Unclear, 3);
        agree(|outcome| outcome.changed_by_server.clear(), RunStatus::Kept, 0);
        agree(|outcome| outcome.waivers = vec![expired()], RunStatus::Unclear, 1);
        agree(|outcome| outcome.waivers.clear(), RunStatus::Kept, 0);
        agree(|outcome| outcome.summary.checks = 0, RunStatus::Unclear, 3);
        agree(|outcome| outcome.ending = Ending::Interrupted, RunStatus::Unclear, 130);
    }
}
