//! Errors that end the program without an outcome.

use std::process::ExitCode;

use super::out;

impl std::fmt::Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// A message for the user, and the exit code.
#[derive(Debug)]
pub(super) struct CliError {
    message: String,
    code: u8,
}

impl CliError {
    /// Arguments, configuration or contract are unusable: exit code 2. `message` follows "cannot".
    pub(super) fn usage(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 2 }
    }

    /// The target or this machine is unusable: exit code 3. `message` follows "cannot".
    pub(super) fn world(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), code: 3 }
    }

    /// Prints the message to stderr and returns the exit code.
    pub(super) fn report(self) -> ExitCode {
        out::err(&out::plain(&format!("qonform: cannot {}\n", self.message)));
        ExitCode::from(self.code)
    }
}
