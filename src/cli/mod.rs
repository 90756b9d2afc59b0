//! The command line: arguments, settings, one file per command, and the exit code.

mod args;
mod clean;
mod configuration;
mod events;
mod explain;
mod export;
mod failure;
mod files;
mod following;
mod gates;
mod help;
mod input_file;
mod interrupts;
mod labels;
mod lint;
mod out;
mod private_file;
mod progress;
mod recording;
mod replay;
mod report;
mod rules;
mod run;
mod selftest;
mod serve;
mod settings;
mod shell;
mod values;
mod waivers;
#[cfg(test)]
mod workflows;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, FromArgMatches as _};
use qonform::document::nearest;

use args::{Arguments, Command, LevelRanks, RunArguments};
use configuration::Sources;
use failure::CliError;
use interrupts::Interrupts;

/// Reads the arguments and runs the command.
pub(crate) fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    let command = configuration::without_empty_variables(help::command());
    let first = match command.clone().try_get_matches_from(&typed) {
        Ok(first) => first,
        Err(error) => return reject(error),
    };
    let (matches, sources) = match configuration::in_force(command, &typed, first) {
        Ok(in_force) => in_force,
        Err(failure) => return failure.report(),
    };
    let mut arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return reject(error),
    };
    if let Some(run) = run_of(&mut arguments.command) {
        let rank = |key| sources.rank(key);
        run.selection.ranks = LevelRanks { allow: rank("allow"), warn: rank("warn"), deny: rank("deny") };
    }
    configuration::warn_of_unknown_variables(&Arguments::command(), matches.subcommand_name(), &sources);
    start(arguments, &matches, &sources)
}

/// Prints clap's message, with the nearest command for an unknown one. Help and version are no errors and go to stdout.
fn reject(mut error: clap::Error) -> ExitCode {
    if error.get(ContextKind::SuggestedSubcommand).is_none()
        && let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(near) = nearest_command(given)
    {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![near]));
    }
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// The command with the most letter pairs in common, if at least one; `run` and `rnu` share only the first letter.
fn nearest_command(given: &str) -> Option<String> {
    let command = Arguments::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let starts = |name: &&&str| name.chars().next() == given.chars().next();
    let near = nearest(given, names.iter().copied()).or_else(|| names.iter().find(starts).copied());
    near.map(str::to_owned)
}

fn run_of(command: &mut Command) -> Option<&mut RunArguments> {
    match command {
        Command::Run(run) => Some(run),
        Command::Replay(replay) => Some(&mut replay.run),
        _ => None,
    }
}

fn start(arguments: Arguments, matches: &clap::ArgMatches, sources: &Sources) -> ExitCode {
    explain_panics();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::world(format!("start the runtime: {error}")).report(),
    };
    // A served server ends by the default effect of a signal, or by itself.
    let interrupts = (!matches!(arguments.command, Command::Serve(_))).then(Interrupts::watch).unwrap_or_default();
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => run::run(&run, sources, &interrupts).await,
            Command::Rules(rules) => rules::rules(&rules),
            Command::Explain(explain) => explain::explain(&explain).await,
            Command::Serve(serve) => serve::serve(&serve).await,
            Command::Replay(replay) => replay::replay(*replay, sources, &interrupts).await,
            Command::Report(report) => report::report(&report),
            Command::Diff(diff) => report::diff(&diff),
            Command::Lint(lint) => lint::lint(&lint.contract),
            Command::Init(init) => configuration::init(&init),
            Command::Config(_) => config(matches, sources),
            Command::Completions(completions) => shell::completions(&completions),
            Command::Man => shell::man(),
            Command::Selftest(selftest) => selftest::selftest(&selftest).await,
            Command::Clean(clean) => clean::clean(&clean).await,
        }
    });
    // Open connections of a stopped server need no waiting.
    runtime.shutdown_background();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.report(),
    }
}

fn config(matches: &clap::ArgMatches, sources: &Sources) -> Result<u8, CliError> {
    let command = Arguments::command();
    match matches.subcommand().and_then(|(name, matches)| Some((command.find_subcommand(name)?, matches))) {
        Some((command, matches)) => configuration::show(command, matches, sources),
        None => Ok(2),
    }
}

/// Adds to the message of a panic, which is a bug of qonform, a request to report it.
fn explain_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default(panic);
        out::err(
            "qonform: this is a bug in qonform, not in the target; please report it with the lines above.\n\
             The run now removes what it created; `qonform clean` removes what is left.\n",
        );
    }));
}
