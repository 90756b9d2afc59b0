//! `qonform completions` and `qonform man`.

use clap::CommandFactory as _;

use super::args::{Arguments, CompletionsArguments};
use super::{CliError, out};

/// Prints the completion script of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> Result<u8, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "qonform", &mut text);
    out::out(&String::from_utf8_lossy(&text))?;
    Ok(0)
}

/// Prints the manual page, in roff.
pub(super) fn man() -> Result<u8, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut text)
        .map_err(|error| CliError::world(format!("write the manual page: {error}")))?;
    out::out(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
