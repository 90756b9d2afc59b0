//! Arguments as typed, settings as meant, one command per file, and the exit code.

mod args;
mod clean;
mod events;
mod explain;
mod export;
mod failure;
mod files;
mod lint;
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

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command};
use failure::Failure;

/// Reads the arguments and does what they say.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; clap prints them to stdout.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    tell_of_bugs();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::world(format!("start the runtime: {error}")).report(),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => run::run(&run).await,
            Command::Rules(rules) => rules::rules(&rules),
            Command::Explain(explain) => explain::explain(&explain),
            Command::Serve(serve) => serve::serve(&serve).await,
            Command::Replay(replay) => replay::replay(&replay).await,
            Command::Report(report) => report::report(&report),
            Command::Diff(diff) => report::diff(&diff),
            Command::Lint(lint) => lint::lint(&lint),
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

/// A panic is a bug of ours: whoever meets one is asked to report it.
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
