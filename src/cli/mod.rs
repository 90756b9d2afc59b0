//! Arguments as typed, settings as meant, one command per file, and the exit code.

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
mod lint;
mod merge;
mod out;
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
mod waivers;
#[cfg(test)]
mod workflows;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Arguments, Command, LevelRanks, RunArguments};
use configuration::Sources;
use failure::CliError;

/// Reads the arguments and does what they say.
pub(crate) fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    let command = configuration::without_empty_variables(help::command());
    let first = match command.clone().try_get_matches_from(&typed) {
        Ok(first) => first,
        Err(error) => return refuse(&error),
    };
    let (matches, sources) = match configuration::in_force(command, &typed, first) {
        Ok(in_force) => in_force,
        Err(failure) => return failure.report(),
    };
    let mut arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    if let Some(run) = run_of(&mut arguments.command) {
        let rank = |key| sources.rank(key);
        run.selection.ranks = LevelRanks { allow: rank("allow"), warn: rank("warn"), deny: rank("deny") };
    }
    start(arguments, &matches, &sources)
}

/// Prints what clap says; help and version are no errors and go to stdout.
fn refuse(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

fn run_of(command: &mut Command) -> Option<&mut RunArguments> {
    match command {
        Command::Run(run) => Some(run),
        Command::Replay(replay) => Some(&mut replay.run),
        _ => None,
    }
}

fn start(arguments: Arguments, matches: &clap::ArgMatches, sources: &Sources) -> ExitCode {
    tell_of_bugs();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::world(format!("start the runtime: {error}")).report(),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => run::run(&run).await,
            Command::Rules(rules) => rules::rules(&rules),
            Command::Explain(explain) => explain::explain(&explain),
            Command::Serve(serve) => serve::serve(&serve).await,
            Command::Replay(replay) => replay::replay(*replay, sources).await,
            Command::Report(report) => report::report(&report),
            Command::Diff(diff) => report::diff(&diff),
            Command::Merge(merge) => merge::merge(&merge),
            Command::Lint(lint) => lint::lint(&lint.contract),
            Command::Init(init) => configuration::init(&init),
            Command::Config(_) => config(matches, sources),
            Command::Completions(completions) => shell::completions(&completions),
            Command::Man => shell::man(),
            Command::Selftest(selftest) => selftest::selftest(&selftest).await,
            Command::Clean(clean) => clean::clean(&clean).await,
        }
    });
    // Tasks that are still under way (connections of a server that was stopped) are not waited for.
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

/// A panic is a bug of ours: the message asks the user to report it.
fn tell_of_bugs() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default(panic);
        out::err(
            "qonform: this is a bug of qonform, not of the target; please report it with the lines above.\n\
             What the run created is being removed; `qonform clean` removes what is left.\n",
        );
    }));
}
