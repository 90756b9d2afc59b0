//! `qonform selftest --whole`: one line for each failed trial, and a table of all.

use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qonform::contract::Contract;
use qonform::report::count;
use qonform::run::{FindingSummary, Isolation, Problem, Settings, Whole, WholeSettings, WholeTrial, whole as test};

use super::super::args::{Projects, SelftestArguments, StdoutFormat};
use super::super::{CliError, out};

/// Number of trials at the same time, per core: the servers of races mostly sleep.
const TRIALS_A_CORE: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// The columns of the table, and the problems that count against each.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("caught", &["not-caught", "hung"]),
    ("one finding", &["many-findings", "hung"]),
    ("own rules", &["other-rules", "hung"]),
    ("decided", &["undecided", "incomplete", "hung"]),
    ("exit code", &["exit-code", "hung"]),
    ("good", &[]),
];

/// Tests every server over HTTP and prints the failed trials and the table.
pub(super) async fn whole(arguments: &SelftestArguments, only: Vec<String>) -> Result<u8, CliError> {
    let settings = WholeSettings {
        seed: arguments.seed,
        jobs: arguments.jobs.unwrap_or(Settings::default().jobs.saturating_mul(TRIALS_A_CORE)),
        combinations: arguments.combinations,
        only,
        sample: arguments.sample,
        effort: arguments.effort,
        faults: arguments.correct.is_none(),
        isolation: (arguments.correct == Some(Projects::Shared)).then_some(Isolation::Shared),
    };
    let is_terminal = std::io::stderr().is_terminal();
    let is_human = matches!(arguments.format, StdoutFormat::Human);
    let done = AtomicUsize::new(0);
    let ended = |trial: &WholeTrial| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if is_terminal {
            out::err("\r\x1b[K");
        }
        if is_human && !trial.problems.is_empty() {
            // An error is reported when the table is written.
            let _ = out::out(&line(trial));
        }
        if is_terminal {
            out::err(&format!("{done} trials · {}", trial.name));
        }
    };
    let tested = test(&settings, Arc::new(Contract::embedded()), &ended).await.map_err(CliError::world)?;
    if is_terminal {
        out::err("\r\x1b[K");
    }
    let text = match arguments.format {
        StdoutFormat::Human => summary(&tested),
        StdoutFormat::Json => serde_json::to_string_pretty(&tested).map_err(CliError::world)? + "\n",
    };
    out::out(&text)?;
    Ok(tested.exit_code())
}

/// The table, and the counts of all.
fn summary(tested: &Whole) -> String {
    let requests: u64 = tested.trials.iter().map(|trial| trial.requests).sum();
    let good = tested.trials.iter().filter(|trial| trial.problems.is_empty()).count();
    // Separates the table from the lines of bad trials.
    let mut text = if good < tested.trials.len() { "\n".to_owned() } else { String::new() };
    text.push_str(&table(&tested.trials));
    text.push_str(&format!(
        "\n{}: {good} good, {} bad\n{requests} requests · {:.1} s · seed {}\n",
        count(tested.trials.len(), "trial"),
        tested.trials.len() - good,
        tested.millis as f64 / 1_000.0,
        tested.seed,
    ));
    text
}

/// `set-main-not-stored: 4 findings, at most 1 expected: 3 × [rule] title (case) · …; exit code …`.
fn line(trial: &WholeTrial) -> String {
    // The findings follow the first problem that is about them.
    let mut shown = false;
    let problems: Vec<String> = trial
        .problems
        .iter()
        .map(|problem| {
            let is_about = matches!(problem, Problem::ManyFindings { .. } | Problem::OtherRules { .. });
            if is_about && !std::mem::replace(&mut shown, true) {
                format!("{problem}: {}", findings(trial))
            } else {
                problem.to_string()
            }
        })
        .collect();
    format!("{}: {}\n", trial.name, problems.join("; "))
}

/// The findings; equal ones are listed once, with their number and the first case.
fn findings(trial: &WholeTrial) -> String {
    let mut alike: Vec<(&FindingSummary, usize)> = Vec::new();
    for found in &trial.findings {
        match alike.iter_mut().find(|(other, _)| (&other.rule, &other.title) == (&found.rule, &found.title)) {
            Some((_, count)) => *count += 1,
            None => alike.push((found, 1)),
        }
    }
    let text = |(found, count): &(&FindingSummary, usize)| {
        let times = if *count > 1 { format!("{count} × ") } else { String::new() };
        format!("{times}[{}] {} ({})", found.rule, found.title, found.case)
    };
    alike.iter().map(text).collect::<Vec<_>>().join(" · ")
}

/// For each family the number of trials that pass each column, and the totals.
fn table(trials: &[WholeTrial]) -> String {
    let mut text = format!("{:<16}{:>7}", "family", "trials");
    for (title, _) in COLUMNS {
        text.push_str(&format!("{title:>13}"));
    }
    text.push('\n');
    let mut row = |name: &str, trials: &[&WholeTrial]| {
        text.push_str(&format!("{name:<16}{:>7}", trials.len()));
        for (_, against) in COLUMNS {
            text.push_str(&format!("{:>13}", trials.iter().filter(|trial| meets(trial, against)).count()));
        }
        text.push('\n');
    };
    for family in trials.chunk_by(|one, other| one.group == other.group) {
        row(&family[0].group, &family.iter().collect::<Vec<_>>());
    }
    let is_correct = |trial: &&WholeTrial| trial.group == "behaviour" || trial.group == "combination";
    let (correct, faults): (Vec<&WholeTrial>, Vec<&WholeTrial>) = trials.iter().partition(is_correct);
    row("all faults", &faults);
    row("all correct", &correct);
    text
}

/// Whether a trial has none of these problems; with an empty list, no problem at all.
fn meets(trial: &WholeTrial, against: &[&str]) -> bool {
    if against.is_empty() {
        return trial.problems.is_empty();
    }
    !trial.problems.iter().any(|problem| against.contains(&problem.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qonform::finding::Severity;

    #[test]
    fn a_bad_trial_is_listed_and_counted() {
        let found = |rule: &str, title: &str| FindingSummary {
            rule: rule.into(),
            severity: Severity::Violation,
            title: title.into(),
            condition: format!("{rule}/x accepted"),
            operations: vec!["v4ListOfferings".into()],
            received: "200".into(),
            case: "sequence::3".into(),
        };
        let good = WholeTrial {
            name: "limit-0-accepted".into(),
            group: "limit".into(),
            problems: Vec::new(),
            findings: vec![found("list.limit-invalid", "limit=0 was accepted")],
            exit_code: Some(1),
            checks: 900,
            requests: 500,
            millis: 20,
        };
        let bad = WholeTrial {
            name: "limit-101-accepted".into(),
            problems: vec![
                Problem::ManyFindings { found: 3, at_most: 1 },
                Problem::ExitCode { expected: 1, received: 3 },
            ],
            findings: ["one", "two", "one"].map(|title| found("list.limit-invalid", title)).to_vec(),
            ..good.clone()
        };
        let text = line(&bad) + &summary(&Whole { seed: 7, trials: vec![good, bad], millis: 1_500 });
        let expected = "\
limit-101-accepted: 3 findings, at most 1 expected: 2 × [list.limit-invalid] one (sequence::3) · [list.limit-invalid] two (sequence::3); exit code 3, expected 1

family           trials       caught  one finding    own rules      decided    exit code         good
limit                 2            2            1            2            2            1            1
all faults            2            2            1            2            2            1            1
all correct           0            0            0            0            0            0            0

2 trials: 1 good, 1 bad
1000 requests · 1.5 s · seed 7
";
        assert_eq!(text, expected);
    }
}
