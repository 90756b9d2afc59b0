//! `qonform clean`.

use std::path::Path;
use std::sync::Arc;

use qonform::check::Judge;
use qonform::contract::Contract;
use qonform::exchange::{Target, is_loopback};
use qonform::project::Project;
use qonform::run::{self, Cleaned, JournalError, JournalState, LeftJournal};

use super::args::CleanArguments;
use super::{CliError, out, settings};

/// Removes what interrupted runs left; exit code 3 if something cannot be removed.
pub(super) async fn clean(arguments: &CleanArguments) -> Result<u8, CliError> {
    if let Some(prefix) = &arguments.prefix {
        return by_prefix(arguments, prefix).await;
    }
    let is_named = !arguments.journals.is_empty();
    let paths = if is_named { arguments.journals.clone() } else { run::journals().map_err(CliError::usage)? };
    if paths.is_empty() {
        out::out("nothing to clean: there are no journals of interrupted runs\n")?;
        return Ok(0);
    }
    let mut code = 0;
    for path in &paths {
        match LeftJournal::read(path) {
            Ok(left) => code = code.max(by_journal(arguments, left, is_named).await?),
            Err(error) if is_named => return Err(CliError::usage(error)),
            // A run in progress cleans up by itself.
            Err(error @ JournalError::InUse { .. }) => out::err(&format!("qonform: cannot {error}\n")),
            Err(error) => {
                out::err(&format!("qonform: cannot {error}\n"));
                code = 3;
            }
        }
    }
    Ok(code)
}

async fn by_journal(arguments: &CleanArguments, left: LeftJournal, is_named: bool) -> Result<u8, CliError> {
    let target = left.state.header.target.clone();
    if let Some(given) = &arguments.target.target {
        let base = Contract::embedded().base_path().to_owned();
        let given = Target::parse(given, &base).map_err(CliError::usage)?;
        if given.base() != target {
            let differ = format!(
                "clean {} by the journal `{}`: its run was on {target}; leave out --target",
                given.base(),
                left.path.display()
            );
            if is_named {
                return Err(CliError::usage(differ));
            }
            out::err(&format!("qonform: skipped: cannot {differ}\n"));
            return Ok(0);
        }
    } else if is_named && !is_loopback(&target) {
        // A given file may be from elsewhere; the journals of the state folder are of the user's own runs.
        return Err(CliError::usage(format!(
            "clean `{target}` by the journal `{}`: keys are sent only to a target that you name; if you trust the file, name \
             the target by --target or QONFORM_TARGET",
            left.path.display()
        )));
    }
    let project = project(arguments, &target)?;
    let mut cleaned = run::undo_all(&project, &left.state).await;
    cleaned.left.extend(left.ignored.iter().map(|id| {
        format!(
            "`{id}` (others may have written this journal, so only ids with its prefix are changed; restore it yourself)"
        )
    }));
    print(&target, &left.state.header.prefix, Some(&left.path), &cleaned)?;
    if !cleaned.left.is_empty() {
        return Ok(3);
    }
    left.remove().map_err(CliError::world)?;
    Ok(0)
}

async fn by_prefix(arguments: &CleanArguments, prefix: &str) -> Result<u8, CliError> {
    if !run::is_prefix(prefix) {
        return Err(CliError::usage(format!(
            "clean `{prefix}`: it is no prefix of a run; give one such as `qf-abcd-`, which `qonform run` reports"
        )));
    }
    let Some(url) = &arguments.target.target else {
        return Err(CliError::usage("clean by --prefix without a target: give --target URL"));
    };
    let project = project(arguments, url)?;
    let target = project.client.transport().target().base().to_owned();
    let state = JournalState::of_prefix(&target, prefix, &|role| project.client.keys().has(role));
    let cleaned = run::undo_all(&project, &state).await;
    print(&target, prefix, None, &cleaned)?;
    Ok(if cleaned.left.is_empty() { 0 } else { 3 })
}

/// The project on the target, with the checks of a run.
fn project(arguments: &CleanArguments, url: &str) -> Result<Project, CliError> {
    let external = settings::external(url, &arguments.target)?;
    external.check().map_err(CliError::usage)?;
    let transport = settings::transport(&arguments.pace, &arguments.connection)?;
    let judge = Arc::new(Judge::new(Arc::new(Contract::embedded())));
    run::external_project(&external, transport, judge).map_err(CliError::usage)
}

fn print(target: &str, prefix: &str, journal: Option<&Path>, cleaned: &Cleaned) -> Result<(), CliError> {
    let mut text = match journal {
        Some(path) => format!("{target} ({})\n", path.display()),
        None => format!("{target}\n"),
    };
    text.push_str(&match cleaned.removed {
        0 => format!("  found no offering that starts with {prefix}\n"),
        1 => format!("  removed 1 offering that starts with {prefix}\n"),
        n => format!("  removed {n} offerings that start with {prefix}\n"),
    });
    for main in &cleaned.restored {
        text.push_str(&format!("  `{main}` is main again\n"));
    }
    for main in &cleaned.undeletable {
        text.push_str(&format!("  not removed, since the server does not delete a main offering: {main}\n"));
    }
    for note in cleaned.notes.iter().chain(&cleaned.unclear) {
        text.push_str(&format!("  {note}\n"));
    }
    for left in &cleaned.left {
        text.push_str(&format!("  left behind: {left}\n"));
    }
    if !cleaned.left.is_empty() {
        text.push_str("  run `qonform clean` again, with a lower --rate if the target limits requests\n");
    }
    out::out(&out::plain(&text))
}
