//! `qonform replay`.

use qonform::finding::{Finding, Outcome};
use qonform::report::{self, Format};
use qonform::run::{Kept, Settings, run as drive};
use tokio_util::sync::CancellationToken;

use super::args::ReplayArguments;
use super::{Failure, files, out, run, settings};

/// Plays the case of one finding again, with the same seed; 1 when it still shows, 0 when it does not.
pub(super) async fn replay(arguments: &ReplayArguments) -> Result<u8, Failure> {
    let report = files::read(&arguments.report)?;
    let finding = find(&report, &arguments.fingerprint)?;
    let contract = settings::contract(arguments.run.contract.spec.as_deref())?;
    let mut settings = settings::settings(&arguments.run, &contract)?;
    settings.seed = report.seed;
    play_only(&mut settings, finding)?;
    let cancel = CancellationToken::new();
    tokio::spawn(run::stop_on_signal(cancel.clone()));
    let outcome = drive(&settings, contract, &|_| {}, cancel)
        .await
        .map_err(|error| if error.is_usage() { Failure::usage(error) } else { Failure::world(error) })?;
    out::out(&report::render(Format::Human, &outcome, &run::style(&arguments.run.output)))?;
    let is_like = |other: &&Finding| {
        (&other.rule, &other.operation, &other.title) == (&finding.rule, &finding.operation, &finding.title)
    };
    let still = outcome.findings.iter().find(is_like).is_some();
    out::err(&format!(
        "{} {}: {}\n",
        finding.fingerprint,
        if still { "still shows" } else { "does not show any more" },
        finding.title
    ));
    Ok(if still { 1 } else { outcome.exit_code() })
}

fn find<'o>(report: &'o Outcome, fingerprint: &str) -> Result<&'o Finding, Failure> {
    let mut found = report.findings.iter().filter(|finding| finding.fingerprint.starts_with(fingerprint));
    match (found.next(), found.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("tell which finding `{fingerprint}` means: several start so")))
        }
        (None, _) => {
            let known: Vec<_> = report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
            Err(Failure::usage(format!(
                "find `{fingerprint}` in the report: it has {}",
                if known.is_empty() { "no findings".into() } else { known.join(", ") }
            )))
        }
    }
}

fn play_only(settings: &mut Settings, finding: &Finding) -> Result<(), Failure> {
    settings.shard = None;
    settings.selection.only.clear();
    settings.selection.skip.clear();
    match &finding.replay {
        Some(kept) => {
            let kept = Kept::read(kept)
                .map_err(|error| Failure::usage(format!("read what shows {}: {error}", finding.fingerprint)))?;
            settings.replay = Some(kept);
        }
        None => settings.selection.case = Some(finding.case.clone()),
    }
    Ok(())
}
