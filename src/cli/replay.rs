//! `qonform replay`.

use qonform::finding::{Ending, Finding, Outcome, Verdict};
use qonform::run::{ANCHOR, ANCHORED, SavedCase, Settings};

use super::args::{ReplayArguments, StdoutFormat};
use super::configuration::{Rank, Sources};
use super::following::Following;
use super::{CliError, files, out, settings};

/// Plays the case of one finding again, with the same seed; 1 when it still shows, 0 when it does not.
///
/// It is played where it showed: on the target of the report, unless another is named.
pub(super) async fn replay(mut arguments: ReplayArguments, sources: &Sources) -> Result<u8, CliError> {
    refuse_senseless(&arguments, sources)?;
    let report = files::read(&arguments.report)?;
    if !report.target.embedded {
        arguments.run.target.target.get_or_insert_with(|| report.target.url.clone());
    }
    let finding = find(&report, &arguments.fingerprint)?;
    let contract = settings::contract(arguments.run.contract.spec.as_deref())?;
    let mut settings = settings::settings(&arguments.run, &contract)?;
    settings.seed = report.seed;
    play_only(&mut settings, finding)?;
    let following = Following::open(&arguments.run, &mut settings)?;
    let mut outcome = following.play(&settings, contract).await?;
    let still = outcome.findings.iter().any(|other| other.fingerprint == finding.fingerprint);
    let code = outcome.exit_code_given(still || outcome.violations().next().is_some());
    let written = following.end(&mut outcome, &arguments.run.output, None, code);
    let verdict = match still {
        true => "still shows",
        false if was_tried(&outcome, &finding.rule) => "does not show any more",
        false => "could not be tried",
    };
    let told = out::plain(&format!("{} {verdict}: {}\n", finding.fingerprint, finding.title));
    match arguments.run.output.format {
        StdoutFormat::Human => out::out(&told)?,
        StdoutFormat::Json => out::err(&told),
    }
    written?;
    Ok(code)
}

/// Whether the run came to a verdict about a rule.
fn was_tried(outcome: &Outcome, rule: &str) -> bool {
    let decided = [Verdict::Passed, Verdict::Violated, Verdict::Warned, Verdict::Observed];
    outcome.ending == Ending::Complete
        && outcome.rules.iter().any(|known| known.id == rule && decided.contains(&known.verdict))
}

/// What a replay runs is said by the finding: flags that say otherwise are rejected. What a
/// file or a variable says of every run is left to runs.
fn refuse_senseless(arguments: &ReplayArguments, sources: &Sources) -> Result<(), CliError> {
    const OF_RUNS: [(&str, &str); 7] = [
        ("only", "what is played is the case of the finding"),
        ("skip", "what is played is the case of the finding"),
        ("layer", "what is played is the case of the finding"),
        ("shard", "one case is not split"),
        ("seed", "the seed is that of the report"),
        ("regressions", "past failures are played and noted by `qonform run`"),
        ("baseline", "the replay shows already whether the one finding still shows"),
    ];
    let refused = |key: &str, why: &str| Err(CliError::usage(format!("replay with --{key}: {why}")));
    // Wherever it was asked for, nothing is sent.
    if arguments.run.selection.dry_run {
        return refused("dry-run", "a replay sends what showed the finding; `qonform run --dry-run` tells of a run");
    }
    match OF_RUNS.iter().find(|(key, _)| sources.rank(key) == Rank::Flag) {
        Some((key, why)) => refused(key, why),
        None => Ok(()),
    }
}

fn find<'o>(report: &'o Outcome, fingerprint: &str) -> Result<&'o Finding, CliError> {
    let mut found = report.findings.iter().filter(|finding| finding.fingerprint.starts_with(fingerprint));
    match (found.next(), found.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => {
            Err(CliError::usage(format!("tell which finding `{fingerprint}` means: several start so")))
        }
        (None, _) => {
            let known: Vec<_> = report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
            Err(CliError::usage(format!(
                "find `{fingerprint}` in the report: it has {}",
                if known.is_empty() { "no findings".into() } else { known.join(", ") }
            )))
        }
    }
}

fn play_only(settings: &mut Settings, finding: &Finding) -> Result<(), CliError> {
    settings.shard = None;
    settings.selection.only.clear();
    settings.selection.skip.clear();
    if let Some(kept) = &finding.replay {
        let kept = SavedCase::read(kept)
            .map_err(|error| CliError::usage(format!("read what shows {}: {error}", finding.fingerprint)))?;
        settings.replay = Some(kept);
    } else {
        let case = if finding.case == ANCHOR { ANCHORED } else { &finding.case };
        settings.selection.case = Some(case.to_owned());
    }
    Ok(())
}
