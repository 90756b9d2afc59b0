//! `qonform replay`.

use qonform::exchange::is_loopback;
use qonform::finding::{Ending, Finding, Outcome, Verdict};
use qonform::run::{SavedCase, Settings, case_to_repeat};

use super::args::{ReplayArguments, StdoutFormat};
use super::configuration::{Rank, Sources};
use super::following::Following;
use super::interrupts::Interrupts;
use super::{CliError, configuration, files, out, settings};

/// Runs the case of one finding again, with the same seed; exit code 1 if it still fails, 0 if not.
///
/// It runs on the given target; without one, on the target of the report if that is on this machine. A report is untrusted
/// input: keys go to no host that only a report names.
pub(super) async fn replay(
    mut arguments: ReplayArguments,
    sources: &Sources,
    interrupts: &Interrupts,
) -> Result<u8, CliError> {
    interrupts.limit(arguments.run.pace.max_time);
    reject_run_flags(&arguments, sources)?;
    let report = files::read(&arguments.report)?;
    if !report.target.embedded && arguments.run.target.target.is_none() {
        arguments.run.target.target = Some(own_target(&report)?);
    }
    if arguments.run.target.target.is_none() {
        let note = configuration::reject_without_target(sources)?;
        if let Some(note) = &note {
            out::err(note);
        }
    }
    let finding = find(&report, &arguments.fingerprint)?;
    let contract = settings::contract(&arguments.run.contract)?;
    let mut settings = settings::settings(&arguments.run, &contract)?;
    settings.seed = report.seed;
    select_case(&mut settings, finding)?;
    arguments.run.output.only_findings = true;
    let following = Following::open(&arguments.run, &mut settings)?;
    let mut outcome = following.run(settings, contract, interrupts).await?;
    outcome.report = Some(arguments.report.display().to_string());
    let still = outcome.findings.iter().any(|other| other.fingerprint == finding.fingerprint);
    let code = outcome.exit_code_given(still || outcome.violations().next().is_some());
    let written = following.end(&mut outcome, &arguments.run.output, None, code);
    let verdict = match still {
        true => "still fails".to_owned(),
        false if was_checked(&outcome, &finding.rule) => "no longer fails".to_owned(),
        false => format!("could not be checked{}", why_unchecked(&outcome, &finding.rule)),
    };
    let text = out::plain(&format!("{} {verdict}: {}\n", finding.fingerprint, finding.title));
    match arguments.run.output.format {
        StdoutFormat::Human if outcome.findings.is_empty() => out::out(&text)?,
        StdoutFormat::Human => out::out(&format!("\n{text}"))?,
        StdoutFormat::Json => out::err(&text),
    }
    written?;
    Ok(code)
}

/// The target of the report, if it is on this machine.
fn own_target(report: &Outcome) -> Result<String, CliError> {
    let url = &report.target.url;
    if is_loopback(url) {
        return Ok(url.clone());
    }
    Err(CliError::usage(format!(
        "replay on `{}`, the target of the report: keys are sent only to a target that you name; if you trust it, name it by \
         --target or QONFORM_TARGET",
        out::plain(url)
    )))
}

/// Whether the run decided a rule.
fn was_checked(outcome: &Outcome, rule: &str) -> bool {
    let decided = [Verdict::Passed, Verdict::Violated, Verdict::Warned, Verdict::Observed];
    outcome.ending == Ending::Complete
        && outcome.rules.iter().any(|known| known.id == rule && decided.contains(&known.verdict))
}

/// Why the run did not decide a rule, in parentheses; empty if it is not known.
fn why_unchecked(outcome: &Outcome, rule: &str) -> String {
    let reason = match &outcome.ending {
        Ending::GaveUp(reason) | Ending::Stopped(reason) => Some(reason.clone()),
        Ending::Interrupted => Some("interrupted".into()),
        Ending::Complete => outcome.rules.iter().find(|known| known.id == rule).and_then(|known| known.reason.clone()),
    };
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

/// Rejects flags that contradict the finding. Values from a file or a variable are meant for runs and are ignored.
fn reject_run_flags(arguments: &ReplayArguments, sources: &Sources) -> Result<(), CliError> {
    const RUN_FLAGS: [(&str, &str); 6] = [
        ("only", "the finding selects the case; leave the flag out"),
        ("skip", "the finding selects the case; leave the flag out"),
        ("layer", "the finding selects the case; leave the flag out"),
        ("seed", "the seed comes from the report; leave the flag out"),
        ("regressions", "only `qonform run` runs and saves past failures; leave the flag out"),
        ("baseline", "a replay already shows whether the finding still fails; leave the flag out"),
    ];
    let reject = |key: &str, why: &str| Err(CliError::usage(format!("replay with --{key}: {why}")));
    // A dry run sends no request, regardless of where it is set.
    if arguments.run.selection.dry_run {
        return reject("dry-run", "a replay sends the requests of the finding; `qonform run --dry-run` shows a run");
    }
    match RUN_FLAGS.iter().find(|(key, _)| sources.rank(key) == Rank::Flag) {
        Some((key, why)) => reject(key, why),
        None => Ok(()),
    }
}

/// The finding whose fingerprint starts with `fingerprint`.
pub(super) fn find<'o>(report: &'o Outcome, fingerprint: &str) -> Result<&'o Finding, CliError> {
    let mut found = report.findings.iter().filter(|finding| finding.fingerprint.starts_with(fingerprint));
    match (found.next(), found.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => Err(CliError::usage(format!(
            "find one finding: several fingerprints start with `{fingerprint}`; give more digits"
        ))),
        (None, _) => {
            let known: Vec<_> = report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
            Err(CliError::usage(format!(
                "find the finding `{fingerprint}` in the report: {}",
                if known.is_empty() { "it has no findings".into() } else { format!("it has {}", known.join(", ")) }
            )))
        }
    }
}

fn select_case(settings: &mut Settings, finding: &Finding) -> Result<(), CliError> {
    settings.selection.only.clear();
    settings.selection.skip.clear();
    if let Some(saved) = &finding.replay {
        let saved = SavedCase::read(saved)
            .map_err(|error| CliError::usage(format!("read the case of {}: {error}", finding.fingerprint)))?;
        settings.replay = Some(saved);
    } else {
        settings.selection.case = Some(case_to_repeat(&finding.case).to_owned());
    }
    Ok(())
}
